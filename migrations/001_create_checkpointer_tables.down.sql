-- DATA LOSS: drops the tables of langgraph-checkpoint-postgres, and with them every thread, checkpoint and write.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE] [-v allow_data_loss=false]: refused with MG020 while a table
-- holds rows, unless allow_data_loss is true. Nothing there is a success. MGBSY and 55P03 mean: run it again in a
-- moment. MG0nn and 42501 mean: refused, and nothing was changed.
\set QUIET on
\set ON_ERROR_STOP on
\set ON_ERROR_ROLLBACK off
\set AUTOCOMMIT on
\set VERBOSITY verbose
\set SHOW_CONTEXT never
\pset tuples_only on
\pset format unaligned
\encoding UTF8
\if :{?schema} \else \set schema public
\endif
\if :{?owner} \else \set owner ''
\endif
\if :{?allow_data_loss} \else \set allow_data_loss false
\endif

-- Settings of the role or database must not change what the statements below mean. 50 ms: a statement that waits
-- for a table lock holds up everybody behind it; run again instead of waiting.
SET search_path = pg_catalog, pg_temp;
SELECT count(set_config(s.name, wanted.value, false)) AS overridden
FROM (VALUES
    ('client_min_messages', 'error'),
    ('standard_conforming_strings', 'on'),
    ('quote_all_identifiers', 'off'),
    ('row_security', 'off'),
    ('default_transaction_isolation', 'read committed'),
    ('default_transaction_deferrable', 'off'),
    ('lock_timeout', '50ms'),
    ('statement_timeout', '0'),
    ('transaction_timeout', '0'),
    ('idle_session_timeout', '0'),
    ('idle_in_transaction_session_timeout', '60s')
) AS wanted (name, value)
JOIN pg_settings AS s ON s.name = wanted.name AND s.context = 'user' \gset
SELECT set_config('checkpoint.pid', pg_backend_pid()::text, false) AS pid,
    set_config('checkpoint.schema', :'schema', false) AS schema,
    set_config('checkpoint.owner', :'owner', false) AS owner,
    set_config('checkpoint.allow_data_loss', :'allow_data_loss', false) AS allow_data_loss,
    set_config('checkpoint.path', quote_ident(:'schema') || ', pg_temp', false) AS path,
    set_config('application_name', CASE WHEN current_setting('application_name') IN ('', 'psql')
        THEN 'langgraph-checkpoint-rollback' ELSE current_setting('application_name') END, false) AS application,
    format('==> connection: PostgreSQL %s, database %s, role %s, %s',
        split_part(current_setting('server_version'), ' ', 1),
        current_database(), session_user, coalesce((SELECT version || ' ' || cipher FROM pg_stat_ssl
            WHERE pid = pg_backend_pid() AND ssl), 'no TLS')) AS connection \gset
\echo :connection

DO $preflight$
DECLARE
    owner constant text := current_setting('checkpoint.owner', true);
BEGIN
    IF current_setting('checkpoint.pid', true) IS DISTINCT FROM pg_backend_pid()::text THEN
        RAISE EXCEPTION 'expected one server process for the session, found two: connect to the server itself, not through a transaction pooler'
            USING ERRCODE = 'MG005';
    ELSIF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'expected a primary server, found a standby: connect to the primary' USING ERRCODE = 'MG001';
    ELSIF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'expected a database that accepts writes, found default_transaction_read_only on for database % or role %: turn it off',
            quote_ident(current_database()), quote_ident(session_user) USING ERRCODE = 'MG001';
    ELSIF owner <> '' AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = owner) THEN
        RAISE EXCEPTION 'expected owner role %, found no such role: create it or name another', quote_ident(owner)
            USING ERRCODE = 'MG004';
    ELSIF owner <> '' AND NOT pg_has_role(session_user, owner,
            CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
        RAISE EXCEPTION 'role % may not act as owner role %: run GRANT % TO %', quote_ident(session_user),
            quote_ident(owner), quote_ident(owner), quote_ident(session_user) USING ERRCODE = '42501';
    END IF;
END
$preflight$;

-- A session lock that is tried, never waited for: a blocking wait deadlocks with CREATE INDEX CONCURRENTLY, and a
-- lock row would outlive a killed migration. 1279739699 is this project's constant ("LGCs" in ASCII).
SELECT set_config('checkpoint.locked', pg_try_advisory_lock(1279739699, hashtext(:'schema'))::text, false) AS locked \gset
\if :locked
\else
SELECT set_config('checkpoint.holder', coalesce((SELECT format('pid %s, application %s, connected since %s', l.pid,
        coalesce(quote_literal(a.application_name), 'unknown'),
        coalesce(to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), 'unknown'))
    FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = 1279739699
        AND l.objid::bigint = hashtext(:'schema')::bigint & 4294967295
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1),
    'gone meanwhile'), false) AS holder \gset
\endif
SELECT CASE WHEN :'owner' <> '' THEN set_config('role', :'owner', false) END AS role \gset

-- What differs from LangGraph's version 9, one row each: fix is null where only a human can say what is right.
-- The same text stands in the up, down and verify files, so that each of them runs by itself.
SELECT set_config('checkpoint.layout', $layout$
WITH wanted_table (tbl, key) AS (VALUES
    ('checkpoint_migrations', 'PRIMARY KEY (v)'),
    ('checkpoints', 'PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)'),
    ('checkpoint_blobs', 'PRIMARY KEY (thread_id, checkpoint_ns, channel, version)'),
    ('checkpoint_writes', 'PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)')
), wanted_column (tbl, pos, col, definition) AS (VALUES
    ('checkpoint_migrations', 1, 'v', 'integer not null'),
    ('checkpoints', 1, 'thread_id', 'text not null'),
    ('checkpoints', 2, 'checkpoint_ns', 'text not null default '''''),
    ('checkpoints', 3, 'checkpoint_id', 'text not null'),
    ('checkpoints', 4, 'parent_checkpoint_id', 'text'),
    ('checkpoints', 5, 'type', 'text'),
    ('checkpoints', 6, 'checkpoint', 'jsonb not null'),
    ('checkpoints', 7, 'metadata', 'jsonb not null default ''{}'''),
    ('checkpoint_blobs', 1, 'thread_id', 'text not null'),
    ('checkpoint_blobs', 2, 'checkpoint_ns', 'text not null default '''''),
    ('checkpoint_blobs', 3, 'channel', 'text not null'),
    ('checkpoint_blobs', 4, 'version', 'text not null'),
    ('checkpoint_blobs', 5, 'type', 'text not null'),
    ('checkpoint_blobs', 6, 'blob', 'bytea'),
    ('checkpoint_writes', 1, 'thread_id', 'text not null'),
    ('checkpoint_writes', 2, 'checkpoint_ns', 'text not null default '''''),
    ('checkpoint_writes', 3, 'checkpoint_id', 'text not null'),
    ('checkpoint_writes', 4, 'task_id', 'text not null'),
    ('checkpoint_writes', 5, 'idx', 'integer not null'),
    ('checkpoint_writes', 6, 'channel', 'text not null'),
    ('checkpoint_writes', 7, 'type', 'text'),
    ('checkpoint_writes', 8, 'blob', 'bytea not null'),
    ('checkpoint_writes', 9, 'task_path', 'text not null default ''''')
), schema AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname = current_setting('checkpoint.schema')
), found_table AS (
    SELECT w.tbl, w.key, c.oid, CASE
            WHEN c.oid IS NULL AND t.oid IS NOT NULL THEN 'a type of this name'
            WHEN c.oid IS NULL THEN 'none'
            WHEN c.relkind = 'r' AND c.relpersistence = 'u' THEN 'an unlogged table'
            WHEN c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent))
                THEN 'a table that inherits or is inherited from'
            WHEN c.relkind = 'r' THEN 'an ordinary table'
            WHEN c.relkind = 'p' THEN 'a partitioned table'
            WHEN c.relkind = 'v' THEN 'a view'
            WHEN c.relkind = 'm' THEN 'a materialized view'
            WHEN c.relkind = 'f' THEN 'a foreign table'
            ELSE 'a relation of kind ' || c.relkind::text
        END AS kind
    FROM wanted_table w CROSS JOIN schema
    LEFT JOIN pg_class c ON c.relname = w.tbl::name AND c.relnamespace = schema.oid
    LEFT JOIN pg_type t ON t.typname = w.tbl::name AND t.typnamespace = schema.oid AND t.typrelid = 0
), plain AS (
    SELECT tbl, key, oid FROM found_table WHERE kind = 'an ordinary table'
), found_column AS (
    SELECT p.tbl, a.attname::text AS col, a.attnum, a.attnotnull, concat(t.type,
            CASE WHEN a.attcollation <> y.typcollation THEN ' collate ' || o.collname END,
            CASE WHEN a.attnotnull THEN ' not null' END,
            CASE WHEN a.attidentity <> '' THEN ' identity' WHEN a.attgenerated <> '' THEN ' generated' END,
            ' default ' || CASE WHEN right(e.expr, length(t.type) + 2) = '::' || t.type
                THEN left(e.expr, - length(t.type) - 2) ELSE e.expr END) AS definition
    FROM plain p
    JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type y ON y.oid = a.atttypid
    LEFT JOIN pg_collation o ON o.oid = a.attcollation
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    CROSS JOIN LATERAL (SELECT format_type(a.atttypid, a.atttypmod)) AS t (type)
    CROSS JOIN LATERAL (SELECT pg_get_expr(d.adbin, d.adrelid)) AS e (expr)
), both_columns AS (
    SELECT tbl, col, w.definition AS wanted, f.definition AS found, f.attnotnull,
        row_number() OVER (PARTITION BY tbl ORDER BY w.pos) AS wanted_pos,
        row_number() OVER (PARTITION BY tbl ORDER BY f.attnum) AS found_pos
    FROM wanted_column w JOIN found_column f USING (tbl, col)
), wanted_index AS (
    SELECT f.tbl, f.tbl || '_thread_id_idx' AS name, schema.oid AS schema_oid,
        format('CREATE INDEX %I ON %I.%I USING btree (thread_id)', f.tbl || '_thread_id_idx', schema.nspname, f.tbl)
            AS definition
    FROM found_table f CROSS JOIN schema
    WHERE f.tbl <> 'checkpoint_migrations' AND f.kind IN ('an ordinary table', 'none')
), found_index AS (
    SELECT w.name, w.tbl, w.definition, c.oid, i.indrelid, i.indisvalid AND i.indisready AS usable,
        regexp_replace(pg_get_indexdef(i.indexrelid), ' WITH [(][^()]*[)]$', '') AS found
    FROM wanted_index w
    LEFT JOIN pg_class c ON c.relname = w.name::name AND c.relnamespace = w.schema_oid
    LEFT JOIN pg_index i ON i.indexrelid = c.oid
)
SELECT 'tables' AS check_name, tbl AS object,
    'expected an ordinary table, found ' || kind AS what,
    CASE kind WHEN 'none' THEN 'create' END AS fix
FROM found_table WHERE kind <> 'an ordinary table'
UNION ALL
SELECT 'columns', tbl || '.' || col, format('expected %s, found no such column', w.definition),
    CASE w.col WHEN 'task_path' THEN 'add' END
FROM wanted_column w JOIN plain USING (tbl) LEFT JOIN found_column f USING (tbl, col) WHERE f.col IS NULL
UNION ALL
SELECT 'columns', tbl || '.' || col, format('expected no such column, found %s', f.definition), NULL
FROM found_column f LEFT JOIN wanted_column w USING (tbl, col) WHERE w.col IS NULL
UNION ALL
SELECT 'columns', tbl || '.' || col, format('expected %s, found %s', wanted, found),
    CASE WHEN (tbl, col, found) = ('checkpoint_blobs', 'blob', 'bytea not null') THEN 'drop not null' END
FROM both_columns WHERE found <> wanted
UNION ALL
SELECT 'columns', tbl || '.' || col, format('expected at position %s, found at %s', wanted_pos, found_pos), NULL
FROM both_columns WHERE found_pos <> wanted_pos
UNION ALL
SELECT 'nullability', tbl || '.' || col,
    CASE WHEN attnotnull THEN 'expected to accept null, found not null' ELSE 'expected not null, found it accepts null' END,
    CASE WHEN (tbl, col) = ('checkpoint_blobs', 'blob') THEN 'drop not null' END
FROM both_columns WHERE attnotnull <> (wanted LIKE '% not null%')
UNION ALL
SELECT 'constraints', p.tbl, format('expected no further constraint, found %s %s', conname, pg_get_constraintdef(k.oid)), NULL
FROM plain p JOIN pg_constraint k ON k.conrelid = p.oid AND k.contype IN ('c', 'f', 'u', 'x')
UNION ALL
SELECT 'primary_keys', p.tbl, format('expected %s, found %s', p.key, coalesce(pg_get_constraintdef(k.oid), 'none')), NULL
FROM plain p LEFT JOIN pg_constraint k ON k.conrelid = p.oid AND k.contype = 'p'
WHERE pg_get_constraintdef(k.oid) IS DISTINCT FROM p.key
UNION ALL
SELECT 'indexes', name, CASE
        WHEN oid IS NULL THEN 'expected an index on ' || tbl || ' (thread_id), found none'
        WHEN indrelid IS NULL THEN 'expected an index on ' || tbl || ' (thread_id), found another relation of this name'
        WHEN found <> definition THEN format('expected %s, found %s', definition, found)
        ELSE 'expected a valid index, found an invalid one that no query uses' END,
    CASE WHEN oid IS NULL THEN 'create' WHEN found = definition THEN 'rebuild' END
FROM found_index WHERE oid IS NULL OR indrelid IS NULL OR found <> definition OR NOT usable
UNION ALL
SELECT 'indexes', x.relname, 'expected no further unique index on ' || p.tbl || ', found one', NULL
FROM plain p JOIN pg_index i ON i.indrelid = p.oid AND i.indisunique JOIN pg_class x ON x.oid = i.indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = p.oid)
$layout$, false) AS layout \gset


DO $inspect$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    strange text;
    highest integer;
    tbl text;
    held bigint;
    total bigint := 0;
    counts text[] := '{}';
BEGIN
    IF NOT current_setting('checkpoint.locked')::boolean THEN
        RAISE EXCEPTION 'expected no other migration of schema %, found one at work (%): wait for it or end it',
            quote_ident(target), current_setting('checkpoint.holder', true) USING ERRCODE = 'MGBSY';
    END IF;
    EXECUTE format('SELECT left(string_agg(object || '': '' || what, ''; ''), 1000) FROM (%s) AS l '
        'WHERE fix IS NULL AND check_name <> ''nullability''', current_setting('checkpoint.layout')) INTO strange;
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'expected LangGraph''s checkpoint tables or none in schema %, found others (%): drop them by hand if you mean to',
            quote_ident(target), strange USING ERRCODE = 'MG010';
    END IF;
    FOR tbl IN SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = target AND c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
        ORDER BY c.relname = 'checkpoints' DESC, c.relname
    LOOP
        -- Counted up to a limit, so that a refusal never reads a large table to its end.
        EXECUTE format('SELECT count(*) FROM (SELECT FROM %I.%I LIMIT 100001) AS r', target, tbl) INTO held;
        total := total + held;
        counts := counts || format('%s %s', tbl, CASE WHEN held > 100000 THEN 'more than 100000' ELSE held::text END);
    END LOOP;
    IF total > 0 AND current_setting('checkpoint.allow_data_loss') <> 'true' THEN
        RAISE EXCEPTION 'refusing to drop tables that hold data (rows: %); set allowDataLoss to true, run pulumi up, then pulumi destroy',
            array_to_string(counts, ', ') USING ERRCODE = 'MG020';
    END IF;
    IF EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = target AND c.relname = 'checkpoint_migrations') THEN
        EXECUTE format('SELECT max(v) FROM %I.checkpoint_migrations', target) INTO highest;
    END IF;
    IF highest > 9 THEN
        RAISE EXCEPTION 'expected versions 0 to 9 in checkpoint_migrations of schema %, found %: use the release of this project that knows this version',
            quote_ident(target), highest USING ERRCODE = 'MG011';
    END IF;
END
$inspect$;

SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ') AS present, count(*) = 0 AS nothing
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = :'schema'
    AND c.relname IN ('checkpoint_migrations', 'checkpoints', 'checkpoint_blobs', 'checkpoint_writes') \gset
\if :nothing
SELECT format('==> result: schema %s holds no checkpoint tables, nothing to do', quote_ident(:'schema'));
\else
\echo '==> drop:' :present
BEGIN;
SELECT set_config('checkpoint.present', :'present', true) AS present \gset
DO $lock$
DECLARE
    tbl text;
    held boolean;
BEGIN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', current_setting('checkpoint.present'));
    FOR tbl IN SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = current_setting('checkpoint.schema') AND current_setting('checkpoint.allow_data_loss') <> 'true'
            AND c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', tbl) INTO held;
        IF held THEN
            RAISE EXCEPTION 'expected % to stay empty, found rows written meanwhile: run the rollback again', tbl
                USING ERRCODE = 'MGBSY';
        END IF;
    END LOOP;
END
$lock$;
SELECT set_config('search_path', current_setting('checkpoint.path'), true) AS path \gset
DROP INDEX IF EXISTS checkpoint_writes_thread_id_idx, checkpoint_blobs_thread_id_idx, checkpoints_thread_id_idx RESTRICT;
DROP TABLE IF EXISTS checkpoint_writes, checkpoint_blobs, checkpoints, checkpoint_migrations RESTRICT;
COMMIT;
SELECT format('==> result: schema %s holds no checkpoint tables any more', quote_ident(:'schema'));
\endif
SELECT pg_advisory_unlock(1279739699, hashtext(:'schema')) AS unlocked \gset
RESET ROLE;
