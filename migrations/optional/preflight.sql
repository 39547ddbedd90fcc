-- What the files beside it begin with: their variables, the session, the lock of the migration.
-- Including files stop at errors by themselves, as session.sql says.
\ir ../session.sql
\encoding UTF8

-- Concurrent builds wait for older transactions, and nobody waits for them; one that gives up
-- leaves an invalid index behind.
:session \;
SET lock_timeout = 0 \;
SET statement_timeout = 0 \;
SELECT CASE WHEN :'owner' <> '' THEN set_config('role', :'owner', false) END AS role,
    set_config('checkpoint.schema', :'schema', false) AS schema_set \gset
DO $preflight$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    tbl text;
BEGIN
    -- 1279739699 stands for this project. It is tried, never waited for: a waiting session would
    -- be one more that a concurrent build waits for.
    IF NOT pg_try_advisory_lock(1279739699, hashtext(target)) THEN
        RAISE EXCEPTION USING ERRCODE = 'MGBSY', MESSAGE = format(
            'expected no migration of schema %I at work, found one: run this again after it',
            target);
    END IF;
    FOREACH tbl IN ARRAY ARRAY['checkpoints', 'checkpoint_blobs', 'checkpoint_writes'] LOOP
        IF NOT EXISTS (
            SELECT FROM pg_constraint AS k
            JOIN pg_index AS i ON i.indexrelid = k.conindid AND i.indisvalid
            JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
            WHERE k.conrelid = to_regclass(format('%I.%I', target, tbl)) AND k.contype = 'p'
                AND k.conname = concat(tbl, '_pkey')::name AND a.attname = 'thread_id'
        ) THEN
            RAISE EXCEPTION USING ERRCODE = 'MG010', MESSAGE = format(
                'expected %I.%I with a valid primary key that begins with thread_id, found none: '
                'run the migration first', target, tbl);
        END IF;
    END LOOP;
END
$preflight$;
