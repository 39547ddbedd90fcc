DO $decide$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'MG040', MESSAGE =
        'expected a decision about the @{what} text of version @{version}, found this draft: '
        'write what it needs here';
END
$decide$;
