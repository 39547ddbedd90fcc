-- Compares a schema with version @{versions} of langgraph-checkpoint-postgres,
-- as its release @{release} brought it. DRAFT, to be finished by hand.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE]
--
-- Ends with SQLSTATE MG030 when something is missing.
\set ON_ERROR_STOP on
\ir session.sql
\encoding UTF8

:session \;
SET lock_timeout = '2s' \;
SET statement_timeout = 0;
SELECT set_config('checkpoint.schema', :'schema', false) AS schema \gset
SELECT CASE WHEN :'owner' <> '' THEN set_config('role', :'owner', false) END AS role \gset
@{decisions}DO $verify$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    expected record;
    found boolean;
    missing text[] := '{}';
BEGIN
    FOR expected IN SELECT * FROM (VALUES
    @{expected}
    ) AS e (kind, tbl, name)
    LOOP
        found := false;
        IF expected.kind = 'version' THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM %I.checkpoint_migrations WHERE v = $1)',
                target) INTO found USING expected.name::integer;
        ELSIF expected.kind = 'column' THEN
            found := EXISTS (
                SELECT FROM pg_attribute
                WHERE attrelid = to_regclass(format('%I.%I', target, expected.tbl))
                    AND attname = expected.name::name AND NOT attisdropped);
        ELSE
            found := EXISTS (
                SELECT FROM pg_class AS c
                JOIN pg_namespace AS n ON n.oid = c.relnamespace
                LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
                WHERE n.nspname = target AND c.relname = expected.name::name
                    AND c.relkind = CASE expected.kind WHEN 'index' THEN 'i' ELSE 'r' END
                    AND i.indisvalid IS NOT FALSE);
        END IF;
        IF NOT found THEN
            missing := missing || CASE expected.kind
                WHEN 'column' THEN format('column %s.%s', expected.tbl, expected.name)
                ELSE format('%s %s', expected.kind, expected.name) END;
        END IF;
    END LOOP;
    IF missing <> '{}' THEN
        RAISE EXCEPTION USING ERRCODE = 'MG030', MESSAGE = format(
            'expected schema %I to hold version @{versions}, '
            'found missing: %s: run the up file', target, array_to_string(missing, ', '));
    END IF;
END
$verify$;
\echo '==> verify: version @{versions}, all there'
RESET ROLE;
