-- Refuses a server that pg_dump of this image is too old for, before the migration touches it.
-- psql -X -f FILE -v client=16 -v dump_setting=backupSchedule
\set QUIET on
\set ON_ERROR_STOP on
\set VERBOSITY verbose
\set SHOW_CONTEXT never
-- In one message, since a pooler would hand the settings to the next client. pg_dump refuses a newer
-- major version, whatever the minor ones are.
SET LOCAL search_path = pg_catalog, pg_temp \;
SET LOCAL checkpoint.client = :'client' \;
SET LOCAL checkpoint.dump_setting = :'dump_setting' \;
DO $check$
DECLARE
    client constant integer := current_setting('checkpoint.client');
    server constant integer := current_setting('server_version_num')::integer / 10000;
BEGIN
    IF client < server THEN
        RAISE EXCEPTION USING ERRCODE = 'MG007', MESSAGE = format(
            'expected a pg_dump as new as the server for the dumps of %s, found pg_dump %s in '
            'postgresImage and PostgreSQL %s: set postgresImage to an image of PostgreSQL %3$s',
            current_setting('checkpoint.dump_setting'), client, server);
    END IF;
END
$check$;
