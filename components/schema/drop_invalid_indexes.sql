-- Drops what failed concurrent builds left behind: an invalid index serves no query, and keeps the
-- disk space that it filled.
-- psql -X -f FILE -v layout_file=/migrations/layout_N.sql [-v schema=public] [-v owner=ROLE]
\set QUIET on
\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned
\if :{?schema} \else \set schema public
\endif
\if :{?owner} \else \set owner ''
\endif

SET search_path = pg_catalog, pg_temp \;
SET lock_timeout = '2s' \;
SELECT CASE WHEN :'owner' <> '' THEN set_config('role', :'owner', false) END AS role,
    pg_try_advisory_lock(1279739699, hashtext(:'schema')) AS locked \gset
-- A build at work is just as invalid as a failed one: only who holds the migration's lock knows.
\if :locked
\i :layout_file
SELECT set_config('checkpoint.schema', :'schema', false) AS schema_set,
    set_config('checkpoint.layout', :'layout', false) AS layout_set \gset
DO $broken$
DECLARE
    names jsonb;
BEGIN
    EXECUTE format('SELECT coalesce(jsonb_agg(object), ''[]'') FROM (%s) AS l '
        'WHERE fix = ''rebuild''', current_setting('checkpoint.layout')) INTO names;
    PERFORM set_config('checkpoint.broken', names::text, false);
END
$broken$;
SELECT format('DROP INDEX CONCURRENTLY IF EXISTS %I.%I', :'schema', name)
FROM jsonb_array_elements_text(current_setting('checkpoint.broken')::jsonb) AS name \gexec
\endif
