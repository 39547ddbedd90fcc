-- DATA LOSS: takes back version @{versions} of langgraph-checkpoint-postgres,
-- which its release @{release} brought. DRAFT, to be finished by hand.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE] [-v allow_data_loss=false]
--
-- Comes before the down file with the number before. Refuses with MG020 while a table that loses a
-- column, or goes as a whole, holds rows, unless allow_data_loss is true.
\set ON_ERROR_STOP on
\ir session.sql
\encoding UTF8
\if :{?allow_data_loss} \else \set allow_data_loss false
\endif

:session \;
SET lock_timeout = '50ms' \;
SET statement_timeout = 0;
-- Statements inside $$ cannot see psql's variables, hence custom settings. 1279739699 stands for
-- this project, as in the files before.
SELECT set_config('checkpoint.schema', :'schema', false) AS schema,
    set_config('checkpoint.allow_data_loss', :'allow_data_loss', false) AS allow_data_loss,
    set_config('checkpoint.locked',
        pg_try_advisory_lock(1279739699, hashtext(:'schema'))::text, false) AS locked \gset
SELECT CASE WHEN :'owner' <> '' THEN set_config('role', :'owner', false) END AS role \gset
DO $preflight$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    tbl text;
    held boolean;
BEGIN
    IF NOT current_setting('checkpoint.locked')::boolean THEN
        RAISE EXCEPTION USING ERRCODE = 'MGBSY', MESSAGE = format(
            'expected no other migration of schema %I, found one at work: wait for it or end it',
            target);
    END IF;
    FOREACH tbl IN ARRAY ARRAY[@{tables}]::text[] LOOP
        CONTINUE WHEN current_setting('checkpoint.allow_data_loss') = 'true'
            OR to_regclass(format('%I.%I', target, tbl)) IS NULL;
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', target, tbl) INTO held;
        IF held THEN
            RAISE EXCEPTION USING ERRCODE = 'MG020', MESSAGE = format(
                'expected table %I to be empty, found rows: set allow_data_loss to true to lose '
                'what this migration added', tbl);
        END IF;
    END LOOP;
END
$preflight$;
SELECT set_config('search_path', quote_ident(:'schema') || ', pg_temp', false) AS path \gset

@{reversed}
\echo '==> result: versions taken back: @{versions}'
SET search_path = pg_catalog, pg_temp;
SELECT pg_advisory_unlock(1279739699, hashtext(:'schema')) AS unlocked \gset
RESET ROLE;
