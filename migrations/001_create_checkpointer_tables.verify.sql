-- Compares a schema with that of layout_9.sql and reports what differs.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE] [-v app_role=ROLE] [-v readers=ROLE,ROLE]
--     [-v owns_database=false] [-v application_setup=true|false] [-v format=text|json]
--
-- Eight checks, warnings, then rows and sizes; json is one line of at most 4000 bytes. Ends with
-- SQLSTATE MG030 when a check fails. What the round trip writes is always rolled back. The owner
-- and the application's rights are compared where their roles are named. What others may do fails
-- the check where the database is the environment's own, and is a warning in somebody else's.
\set ON_ERROR_STOP on
\ir session.sql
\encoding UTF8
\if :{?app_role} \else \set app_role ''
\endif
\if :{?readers} \else \set readers ''
\endif
\if :{?owns_database} \else \set owns_database false
\endif
\if :{?format} \else \set format text
\endif

-- The verify file of a later migration has its own layout and includes this file.
\if :{?layout}
\else
\ir layout_9.sql
\endif
\ir application_setup.sql
:session \;
SET lock_timeout = '2s' \;
SET statement_timeout = 0 \;
SELECT set_config('checkpoint.newest', :'version', false) AS newest,
    set_config('checkpoint.layout', :'layout', false) AS layout,
    set_config('checkpoint.schema', :'schema', false) AS schema,
    set_config('checkpoint.owner', :'owner', false) AS owner,
    set_config('checkpoint.login', session_user, false) AS login,
    set_config('checkpoint.app_role', :'app_role', false) AS app_role,
    set_config('checkpoint.readers', :'readers', false) AS readers,
    set_config('checkpoint.owns_database', :'owns_database', false) AS owns_database,
    set_config('checkpoint.application_setup', :'application_setup', false) AS application_setup,
    set_config('checkpoint.setup_body', :'setup_body', false) AS setup_body,
    set_config('application_name', CASE WHEN current_setting('application_name') IN ('', 'psql')
        THEN 'langgraph-checkpoint-verification' ELSE current_setting('application_name') END,
        false) AS application,
    :'format' = 'json' AS json \gset
-- A role that may act as the owner need not hold the owner's rights itself.
SELECT CASE WHEN :'owner' <> '' THEN set_config('role', :'owner', false) END AS role \gset

\ir rights.sql
SELECT set_config('checkpoint.access', format('%s UNION ALL SELECT fails, mended, object, what '
    'FROM (%s) AS f', current_setting('checkpoint.access'), :'setup_found'), false) AS access \gset

BEGIN;
DO $inspect$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    newest constant integer := current_setting('checkpoint.newest');
    problems text[];
    versions integer[];
    tbl record;
    counted bigint;
    tables text := '';
BEGIN
    EXECUTE format($$SELECT coalesce(
            array_agg(name || ': ' || object || ': ' || what ORDER BY name, object), '{}')
        FROM (
            SELECT replace(check_name, 'constraints', 'nullability') AS name, object, what
            FROM (%s) AS l
        ) AS f$$, current_setting('checkpoint.layout')) INTO problems;
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = target) THEN
        problems := problems || format('tables: %I: expected a schema, found none', target);
    END IF;

    -- Sizes come before the round trip, which makes the files of empty tables grow.
    FOR tbl IN SELECT w.name, c.oid, greatest(c.reltuples, 100001)::bigint AS estimate
        FROM (VALUES
            (1, 'checkpoint_migrations'), (2, 'checkpoints'), (3, 'checkpoint_blobs'),
            (4, 'checkpoint_writes')
        ) AS w (n, name)
        LEFT JOIN pg_namespace AS n ON n.nspname = target
        LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name::name
            AND c.relkind IN ('r', 'p')
        ORDER BY w.n
    LOOP
        counted := NULL;
        BEGIN
            -- Exact up to 100000 rows, then the planner's estimate: a large table is never read to
            -- its end.
            IF tbl.oid IS NOT NULL THEN
                EXECUTE format('SELECT count(*) FROM (SELECT FROM %I.%I LIMIT 100001) AS r',
                    target, tbl.name) INTO counted;
            END IF;
            IF tbl.oid IS NOT NULL AND tbl.name = 'checkpoint_migrations' THEN
                EXECUTE format('SELECT array_agg(v ORDER BY v) FROM %I.%I', target, tbl.name)
                    INTO versions;
            END IF;
        EXCEPTION WHEN insufficient_privilege OR undefined_column OR datatype_mismatch THEN
            problems := problems || format('%s: %s: %s',
                CASE tbl.name WHEN 'checkpoint_migrations' THEN 'version' ELSE 'round_trip' END,
                tbl.name, SQLERRM);
        END;
        tables := tables || CASE WHEN tables = '' THEN '' ELSE ',' END
            || format('"%s":{"rows":%s,"bytes":%s%s}', tbl.name,
                coalesce(CASE WHEN counted > 100000 THEN tbl.estimate ELSE counted END::text,
                    'null'),
                coalesce(pg_total_relation_size(tbl.oid)::text, 'null'),
                CASE WHEN counted > 100000 THEN ',"estimated":true' END);
    END LOOP;
    IF versions IS DISTINCT FROM ARRAY(SELECT generate_series(0, newest)) THEN
        problems := problems || format(
            'version: checkpoint_migrations: expected versions 0 to %s, found %s', newest,
            coalesce(left(array_to_string(versions, ' '), 100), 'none'));
    END IF;
    PERFORM set_config('checkpoint.problems', to_json(problems)::text, true),
        set_config('checkpoint.tables', tables, true),
        set_config('checkpoint.version',
            coalesce(versions[array_upper(versions, 1)]::text, ''), true);
END
$inspect$;

DO $rights$
DECLARE
    failures json;
    warnings json;
BEGIN
    EXECUTE format($$SELECT
            coalesce(json_agg(line ORDER BY line) FILTER (WHERE fails), '[]'),
            coalesce(json_agg(line ORDER BY line) FILTER (WHERE NOT fails), '[]')
        FROM (
            SELECT DISTINCT fails, format('rights: %%s: %%s', object, what) AS line FROM (%s) AS a
        ) AS f$$, current_setting('checkpoint.access')) INTO failures, warnings;
    PERFORM set_config('checkpoint.rights', failures::text, true),
        set_config('checkpoint.warnings', warnings::text, true);
END
$rights$;

DO $round_trip$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    thread constant text := 'langgraph-checkpoint-verification-' || gen_random_uuid();
    problems text[];
    same boolean;
BEGIN
    -- What PostgresSaver 3.2.0 sends, and LangGraph.js, which never names task_path.
    EXECUTE format($$INSERT INTO %I.checkpoint_blobs
            (thread_id, checkpoint_ns, channel, version, type, blob)
        VALUES ($1, '', 'full', '1', 'bytes', '\x00ff'), ($1, '', 'gone', '1', 'empty', NULL)
        ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING$$, target) USING thread;
    FOR attempt IN 1..2 LOOP
        EXECUTE format($$INSERT INTO %I.checkpoints (thread_id, checkpoint_ns, checkpoint_id,
                parent_checkpoint_id, checkpoint, metadata)
            VALUES ($1, '', '1', NULL, '{"v": 4}', '{"emoji": "\ud83d\ude00"}')
            ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO UPDATE
            SET checkpoint = EXCLUDED.checkpoint, metadata = EXCLUDED.metadata$$, target)
            USING thread;
        EXECUTE format($$INSERT INTO %I.checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id,
                task_id, task_path, idx, channel, type, blob)
            VALUES ($1, '', '1', 'python', 'path', 0, 'channel', NULL, '\x00ff')
            ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO UPDATE
            SET channel = EXCLUDED.channel, type = EXCLUDED.type, blob = EXCLUDED.blob$$, target)
            USING thread;
    END LOOP;
    EXECUTE format($$INSERT INTO %I.checkpoint_writes
            (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob)
        VALUES ($1, '', '1', 'js', 0, 'channel', 'json', '\x7b7d')$$, target) USING thread;
    EXECUTE format($$SELECT
            (SELECT array_agg(blob ORDER BY channel) = ARRAY['\x00ff'::bytea, NULL]
                FROM %1$I.checkpoint_blobs WHERE thread_id = $1)
            AND (SELECT array_agg(metadata) = ARRAY['{"emoji": "\ud83d\ude00"}'::jsonb]
                FROM %1$I.checkpoints WHERE thread_id = $1)
            AND (SELECT array_agg(concat(task_id, '/', task_path, '/', type) ORDER BY task_id)
                    = ARRAY['js//json', 'python/path/']
                FROM %1$I.checkpoint_writes WHERE thread_id = $1)$$, target) INTO same USING thread;
    IF same IS NOT TRUE THEN
        RAISE EXCEPTION 'expected to read what was written, found something else';
    END IF;
EXCEPTION
    WHEN OTHERS THEN
        -- Trouble that passes by itself, as connection.sh has it, says nothing about the schema.
        -- That the server is read-only (25006) is worth a report.
        IF SQLSTATE = '55P03' OR left(SQLSTATE, 2) IN ('08', '40', '53', '57') THEN
            RAISE;
        END IF;
        problems := ARRAY(
            SELECT json_array_elements_text(current_setting('checkpoint.problems')::json));
        PERFORM set_config('checkpoint.problems',
            to_json(problems || ('round_trip: ' || SQLERRM))::text, true);
END
$round_trip$;

WITH line AS (
    SELECT p.line, split_part(p.line, ':', 1) AS name, p.fails,
        row_number() OVER told AS n,
        -- A pod's termination message ends after 4096 bytes.
        sum(octet_length(to_json(left(p.line, 300))::text) + 1) OVER told <= 2000 AS fits
    FROM (
        SELECT l.line, true, l.n FROM jsonb_array_elements_text(
            current_setting('checkpoint.problems')::jsonb
            || current_setting('checkpoint.rights')::jsonb) WITH ORDINALITY AS l (line, n)
        UNION ALL
        SELECT l.line, false, l.n FROM jsonb_array_elements_text(
            current_setting('checkpoint.warnings')::jsonb) WITH ORDINALITY AS l (line, n)
    ) AS p (line, fails, n)
    WINDOW told AS (ORDER BY p.fails DESC, p.n)
), problem AS (
    SELECT * FROM line WHERE fails
), told (fails, lines) AS (
    SELECT f.fails, array_to_json(
        ARRAY(SELECT left(l.line, 300) FROM line AS l
            WHERE l.fails = f.fails AND l.fits ORDER BY l.n)
        || ARRAY(SELECT format('… and %s more', count(*)) FROM line AS l
            WHERE l.fails = f.fails AND NOT l.fits HAVING count(*) > 0))
    FROM (VALUES (true), (false)) AS f (fails)
), checks AS (
    SELECT 'version' <> ALL (names) AS version,
        'tables' <> ALL (names) AS tables,
        'columns' <> ALL (names) AND seen AS columns,
        'indexes' <> ALL (names) AND seen AS indexes,
        'primary_keys' <> ALL (names) AND seen AS primary_keys,
        'nullability' <> ALL (names) AND seen AS nullability,
        'round_trip' <> ALL (names) AS round_trip,
        'rights' <> ALL (names) AND seen AS rights
    FROM (
        -- What is no table at all has no columns to look at.
        SELECT coalesce(array_agg(name), '{}') AS names,
            coalesce(bool_and(line NOT LIKE 'tables: %: expected a%'), true) AS seen
        FROM problem
    ) AS p
), report AS (
    SELECT NOT EXISTS (SELECT FROM problem) AS ok,
        nullif(current_setting('checkpoint.version'), '')::integer AS version,
        current_setting('checkpoint.schema') AS schema,
        current_database() AS database,
        split_part(current_setting('server_version'), ' ', 1) AS server,
        session_user AS role,
        (SELECT row_to_json(checks) FROM checks) AS checks,
        (SELECT lines FROM told WHERE NOT fails) AS warnings,
        (SELECT lines FROM told WHERE fails) AS problems,
        ('{' || current_setting('checkpoint.tables') || '}')::json AS tables
)
SELECT row_to_json(report) AS report, NOT report.ok AS failed FROM report \gset
ROLLBACK;

\if :json
SELECT :'report';
\else
SELECT format('schema %s, database %s, PostgreSQL %s, role %s, version %s', r ->> 'schema',
    r ->> 'database', r ->> 'server', r ->> 'role', coalesce(r ->> 'version', 'none'))
FROM (SELECT :'report'::json) AS t (r);
SELECT format('%s  %s  %s', CASE c.passed WHEN 'true' THEN 'PASS' ELSE 'FAIL' END, rpad(c.name, 12),
    CASE c.passed WHEN 'true' THEN w.expectation ELSE coalesce((
        SELECT string_agg(substr(p, length(c.name) + 3), '; ')
        FROM json_array_elements_text(:'report'::json -> 'problems') AS p
        WHERE starts_with(p, c.name || ': ')
    ), 'see the other checks') END)
FROM json_each_text(:'report'::json -> 'checks') WITH ORDINALITY AS c (name, passed, n)
JOIN (VALUES
    ('version', format('0 to %s are recorded', :'version')),
    ('tables', '4 ordinary tables without triggers, rules or policies'),
    ('columns', 'names, types, defaults and order'),
    ('indexes', (
        SELECT format('%s on thread_id, all valid', count(*))
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :'schema'
        WHERE c.relkind = 'i' AND c.relname IN (
            'checkpoints_thread_id_idx', 'checkpoint_blobs_thread_id_idx',
            'checkpoint_writes_thread_id_idx'
        )
    )),
    ('primary_keys', '4 keys'),
    ('nullability', 'null only where LangGraph writes it'),
    ('round_trip', 'written, read and rolled back'),
    ('rights', concat('none for PUBLIC', CASE
        WHEN json_array_length(:'report'::json -> 'warnings') > 0
            THEN ', for others more than needed'
        ELSE concat(', rows only for ' || nullif(:'app_role', ''),
            ', reading for ' || nullif(:'readers', '')) END, :'setup_passes'))
) AS w (name, expectation) USING (name)
ORDER BY c.n;
SELECT p FROM json_array_elements_text(:'report'::json -> 'problems') AS p WHERE p LIKE '… and %';
SELECT format('WARN  %s  %s', rpad('rights', 12), regexp_replace(w, '^rights: ', ''))
FROM json_array_elements_text(:'report'::json -> 'warnings') AS w;
SELECT format('%s  %s rows  %s', rpad(t.name, 21), lpad(concat(
    CASE WHEN t.facts -> 'estimated' IS NOT NULL THEN 'about ' END,
    coalesce(t.facts ->> 'rows', '?')), 12),
    coalesce(pg_size_pretty((t.facts ->> 'bytes')::bigint), 'no table'))
FROM json_each(:'report'::json -> 'tables') AS t (name, facts);
\endif
\if :failed
DO $failed$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'MG030', MESSAGE = format(
        'expected schema %I to equal version %s, found the differences above',
        current_setting('checkpoint.schema'), current_setting('checkpoint.newest'));
END
$failed$;
\endif
