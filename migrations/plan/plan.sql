-- Says in words what the up file would do, in a transaction that cannot write, and takes no lock.
-- Run it by plan_migration.sh, which names the up file's layout and hands over the very texts by
-- which that file decides (grants, inspect).
\set ON_ERROR_STOP on
\ir ../session.sql
\encoding UTF8

BEGIN TRANSACTION READ ONLY;
\ir ../:layout_file
\ir ../application_setup.sql
:session \;
SET statement_timeout = '30s' \;
SET checkpoint.schema = :'schema' \;
SET checkpoint.owner = :'owner' \;
SET checkpoint.login = :'login' \;
SET checkpoint.app_role = :'app_role' \;
SET checkpoint.readers = :'readers' \;
SET checkpoint.owns_database = :'owns_database' \;
SET checkpoint.newest = :'version' \;
SET checkpoint.layout = :'layout' \;
SET checkpoint.application_setup = :'application_setup' \;
SET checkpoint.setup_body = :'setup_body' \;
SET checkpoint.setup_found = :'setup_found' \;
SET checkpoint.table_grants = :'grants' \;
SET checkpoint.grants = :'grants' \;
:add_setup \;
-- What is seen needs no lock to be told, another migration at work or not.
SET checkpoint.locked = 'true' \;
SET checkpoint.holder = 'nobody';
\ir ../rights.sql
DO $readable$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    role text;
BEGIN
    FOR role IN
        SELECT current_setting(name) FROM (VALUES ('checkpoint.owner'), ('checkpoint.app_role'))
            AS s (name)
        -- These are made together with a database of the program's own.
        WHERE current_setting(name) <> '' AND current_setting('checkpoint.owns_database') <> 'true'
        UNION ALL
        SELECT trim(name)
        FROM unnest(string_to_array(current_setting('checkpoint.readers'), ',')) AS name
    LOOP
        IF role NOT IN (SELECT rolname FROM pg_roles) THEN
            RAISE EXCEPTION USING ERRCODE = 'MG004', MESSAGE = format(
                'expected role %I, found no such role: create it or name another', role);
        END IF;
    END LOOP;
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION USING ERRCODE = 'MG002', MESSAGE = format(
            'expected encoding UTF8, found %s in database %I: create a database with '
            'ENCODING ''UTF8''', current_setting('server_encoding'), current_database());
    END IF;
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = target) THEN
        RAISE EXCEPTION USING ERRCODE = '3F000', MESSAGE = format(
            'database %I has no schema %I yet', current_database(), target);
    END IF;
END
$readable$;
:inspect;

DO $recorded$
DECLARE
    highest integer;
    recorded bigint := 0;
    seen jsonb;
    setup jsonb;
    granted boolean;
BEGIN
    IF NOT current_setting('checkpoint.findings')::jsonb @> '[{"object": "checkpoint_migrations"}]'
    THEN
        EXECUTE format('SELECT max(v), count(*) FROM %I.checkpoint_migrations',
            current_setting('checkpoint.schema')) INTO highest, recorded;
    END IF;
    EXECUTE format('SELECT coalesce(jsonb_agg(to_jsonb(a)), ''[]'') FROM (%s) AS a',
        current_setting('checkpoint.access')) INTO seen;
    EXECUTE format('SELECT coalesce(jsonb_agg(to_jsonb(f)), ''[]'') FROM (%s) AS f',
        current_setting('checkpoint.setup_found')) INTO setup;
    EXECUTE format('SELECT NOT EXISTS (%s)', current_setting('checkpoint.table_grants'))
        INTO granted;
    PERFORM set_config('checkpoint.seen', seen::text, true),
        set_config('checkpoint.setup', setup::text, true),
        set_config('checkpoint.granted', granted::text, true),
        set_config('checkpoint.found', coalesce('version ' || highest, 'no version'), true),
        set_config('checkpoint.recorded', recorded::text, true);
END
$recorded$;
WITH finding AS (
    SELECT DISTINCT object, fix, check_name = 'tables' AS is_table
    FROM jsonb_to_recordset(current_setting('checkpoint.findings')::jsonb)
        AS r (check_name text, object text, fix text)
), state AS (
    SELECT current_setting('checkpoint.complete')::boolean AS complete,
        current_setting('checkpoint.found') AS found,
        current_setting('checkpoint.recorded')::integer AS recorded,
        4 = (SELECT count(*) FROM finding WHERE is_table) AS empty,
        EXISTS (
            SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = :'schema' AND pg_relation_size(c.oid) > 0
                AND c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
        ) AS live,
        format('schema %I of database %I', :'schema', current_database()) AS place,
        format('PostgreSQL %s', split_part(current_setting('server_version'), ' ', 1)) AS server
), access AS (
    SELECT DISTINCT a.fails, a.object, a.what
    FROM jsonb_to_recordset(current_setting('checkpoint.seen')::jsonb)
        AS a (fails boolean, mended boolean, object text, what text)
    WHERE NOT a.mended
), setup AS (
    SELECT f.*
    FROM jsonb_to_recordset(current_setting('checkpoint.setup')::jsonb) AS f (pos integer,
        fails boolean, mended boolean, object text, what text, statement text, obstacle text)
), outlook (line) AS (
    SELECT format('warning: %I: event trigger that runs on CREATE TABLE, and must leave the new '
        'tables as they are', evtname)
    FROM pg_event_trigger
    WHERE evtevent = 'ddl_command_end' AND evtenabled <> 'D'
        AND (evttags IS NULL OR 'CREATE TABLE' = ANY (evttags))
        AND EXISTS (SELECT FROM finding WHERE is_table)
    UNION ALL
    SELECT format('the migration would give up: %I: expected a connection limit of 5 or more, '
        'found %s', rolname, rolconnlimit)
    FROM pg_roles WHERE rolname = :'login' AND rolconnlimit IN (0, 1)
    UNION ALL
    SELECT format('%s: %s: %s', CASE WHEN fails THEN 'the verification would fail'
        ELSE 'warning' END, object, what)
    FROM (
        SELECT * FROM access
        UNION
        SELECT fails, object, what FROM setup WHERE NOT mended AND obstacle IS NULL
    ) AS told
    UNION ALL
    SELECT 'the migration would refuse: ' || obstacle FROM setup
    WHERE NOT mended AND obstacle IS NOT NULL
), step (pos, line) AS (
    SELECT 1, 'create table ' || object FROM finding WHERE is_table
    UNION ALL
    SELECT 2, 'add column ' || object FROM finding WHERE fix = 'add'
    UNION ALL
    SELECT 3, 'let column ' || object || ' be null' FROM finding WHERE fix = 'drop not null'
    UNION ALL
    SELECT 4, 'create index ' || object FROM finding WHERE fix = 'create' AND NOT is_table
    UNION ALL
    SELECT 5, 'rebuild index ' || object || ', which is invalid' FROM finding WHERE fix = 'rebuild'
    UNION ALL
    SELECT 6, format('record versions 0 to %s', :'version') FROM state
    WHERE recorded < :'version'::integer + 1
    UNION ALL
    SELECT 7, 'bring the rights up to date' FROM state
    WHERE NOT complete AND recorded = :'version'::integer + 1
        AND NOT EXISTS (SELECT FROM finding)
        AND (NOT current_setting('checkpoint.granted')::boolean
            OR NOT EXISTS (SELECT FROM setup WHERE coalesce(statement, obstacle) IS NOT NULL))
    UNION ALL
    SELECT 8, CASE WHEN pos IN (1, 8) THEN concat(CASE pos WHEN 1 THEN 'create ' ELSE 'drop ' END,
            object, ', through which setup() of the application passes')
        ELSE format('mend %s: %s', object, what) END
    FROM setup WHERE statement IS NOT NULL
)
SELECT CASE
        WHEN complete
            THEN format('nothing to do: %s is at version %s (%s)', place, :'version', server)
        WHEN empty THEN format('create: %s has none of the tables (%s)', place, server)
        ELSE format('upgrade: %s is at %s and incomplete (%s)', place, found, server)
    END
    || coalesce((
        SELECT string_agg(E'\n  ' || line, '' ORDER BY pos, line COLLATE "C") FROM step
    ), '')
    || CASE
        WHEN complete THEN ''
        WHEN NOT live THEN E'\nThe tables are new or empty: all of it is one transaction.'
        WHEN EXISTS (SELECT FROM step WHERE pos IN (4, 5))
            THEN E'\nThe tables hold rows: the indexes are built concurrently.'
        ELSE E'\nThe tables hold rows: each table is locked for a moment only.'
    END
    || coalesce((
        SELECT string_agg(E'\n' || line, '' ORDER BY line COLLATE "C") FROM outlook
    ), '')
FROM state;
ROLLBACK;
