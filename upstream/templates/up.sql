-- DRAFT, to be finished by hand: version @{versions} of langgraph-checkpoint-postgres,
-- as its release @{release} brought it.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE]
--
-- Comes after the up file with the number before. SQLSTATE MGBSY and 55P03 mean: run it again in a
-- moment; MG0nn and 42501 mean: refused, nothing was changed.
\set ON_ERROR_STOP on
\ir session.sql
\encoding UTF8

:session \;
SET lock_timeout = '50ms' \;
SET statement_timeout = 0;
-- Statements inside $$ cannot see psql's variables, hence custom settings. 1279739699 stands for
-- this project, as in the files before.
SELECT set_config('checkpoint.schema', :'schema', false) AS schema,
    set_config('checkpoint.locked',
        pg_try_advisory_lock(1279739699, hashtext(:'schema'))::text, false) AS locked \gset
SELECT CASE WHEN :'owner' <> '' THEN set_config('role', :'owner', false) END AS role \gset
DO $preflight$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    highest integer;
BEGIN
    IF NOT current_setting('checkpoint.locked')::boolean THEN
        RAISE EXCEPTION USING ERRCODE = 'MGBSY', MESSAGE = format(
            'expected no other migration of schema %I, found one at work: wait for it or end it',
            target);
    END IF;
    IF to_regclass(format('%I.checkpoint_migrations', target)) IS NOT NULL THEN
        EXECUTE format('SELECT max(v) FROM %I.checkpoint_migrations', target) INTO highest;
    END IF;
    IF highest IS NULL OR highest < @{before} THEN
        RAISE EXCEPTION USING ERRCODE = 'MG011', MESSAGE = format(
            'expected version @{before} or higher in schema %I, found %s: run the migrations before '
            'this one first', target, coalesce(highest::text, 'none'));
    END IF;
END
$preflight$;
-- pg_catalog still comes before the schema, so that nothing in it can pose as a type.
SELECT set_config('search_path', quote_ident(:'schema') || ', pg_temp', false) AS path \gset

@{steps}
\echo '==> result: versions recorded: @{versions}'
SET search_path = pg_catalog, pg_temp;
SELECT pg_advisory_unlock(1279739699, hashtext(:'schema')) AS unlocked \gset
RESET ROLE;
