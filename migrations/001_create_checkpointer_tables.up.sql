-- Creates or completes the tables of langgraph-checkpoint-postgres 2.0.13 to 3.2.0, versions 0 to 9.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE] [-v app_role=ROLE] [-v index_timeout=0], never with -1:
-- it inspects the catalog, adds only what is missing, and may be run again at any time. MGBSY and 55P03 mean:
-- run it again in a moment. MG0nn and 42501 mean: refused, and nothing was changed.
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
\if :{?app_role} \else \set app_role ''
\endif
\if :{?index_timeout} \else \set index_timeout 0
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
SELECT set_config('checkpoint.started', extract(epoch FROM clock_timestamp())::text, false) AS started,
    set_config('checkpoint.pid', pg_backend_pid()::text, false) AS pid,
    set_config('checkpoint.schema', :'schema', false) AS schema,
    set_config('checkpoint.owner', :'owner', false) AS owner,
    set_config('checkpoint.app_role', :'app_role', false) AS app_role,
    set_config('checkpoint.path', quote_ident(:'schema') || ', pg_temp', false) AS path,
    set_config('application_name', CASE WHEN current_setting('application_name') IN ('', 'psql')
        THEN 'langgraph-checkpoint-migration' ELSE current_setting('application_name') END, false) AS application,
    format('==> connection: PostgreSQL %s, database %s, role %s, %s',
        split_part(current_setting('server_version'), ' ', 1),
        current_database(), session_user, coalesce((SELECT version || ' ' || cipher FROM pg_stat_ssl
            WHERE pid = pg_backend_pid() AND ssl), 'no TLS')) AS connection \gset
\echo :connection

DO $preflight$
DECLARE
    target constant text := current_setting('checkpoint.schema', true);
    owner constant text := current_setting('checkpoint.owner', true);
    app_role constant text := current_setting('checkpoint.app_role', true);
BEGIN
    IF current_setting('checkpoint.pid', true) IS DISTINCT FROM pg_backend_pid()::text THEN
        RAISE EXCEPTION 'expected one server process for the session, found two: connect to the server itself, not through a transaction pooler'
            USING ERRCODE = 'MG005';
    ELSIF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'expected a primary server, found a standby: connect to the primary' USING ERRCODE = 'MG001';
    ELSIF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'expected a database that accepts writes, found default_transaction_read_only on for database % or role %: turn it off',
            quote_ident(current_database()), quote_ident(session_user) USING ERRCODE = 'MG001';
    ELSIF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'expected encoding UTF8, found % in database %: create the database with ENCODING ''UTF8''',
            current_setting('server_encoding'), quote_ident(current_database()) USING ERRCODE = 'MG002';
    ELSIF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = target) THEN
        RAISE EXCEPTION 'expected schema % in database %, found no such schema: create it or name another',
            quote_ident(target), quote_ident(current_database()) USING ERRCODE = 'MG003';
    ELSIF owner <> '' AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = owner) THEN
        RAISE EXCEPTION 'expected owner role %, found no such role: create it or name another', quote_ident(owner)
            USING ERRCODE = 'MG004';
    ELSIF app_role <> '' AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = app_role) THEN
        RAISE EXCEPTION 'expected application role %, found no such role: create it or name another', quote_ident(app_role)
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
    app_role constant text := current_setting('checkpoint.app_role');
    findings jsonb;
    strange text;
    lowest integer;
    highest integer;
    recorded bigint := 0;
    granted boolean := true;
BEGIN
    EXECUTE format('SELECT coalesce(jsonb_agg(to_jsonb(l)), ''[]'') FROM (%s) AS l', current_setting('checkpoint.layout'))
        INTO findings;
    SELECT string_agg(f.object || ': ' || f.what, '; ') FILTER (WHERE f.n <= 8)
            || CASE WHEN count(*) > 8 THEN format('; and %s more', count(*) - 8) ELSE '' END
        INTO strange
        FROM (SELECT object, what, row_number() OVER () AS n
            FROM jsonb_to_recordset(findings) AS r (check_name text, object text, what text, fix text)
            WHERE fix IS NULL AND check_name <> 'nullability') AS f;
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'expected LangGraph''s checkpoint tables or none in schema %, found others (%): name another schema or move them',
            quote_ident(target), strange USING ERRCODE = 'MG010';
    END IF;

    IF NOT findings @> '[{"object": "checkpoint_migrations"}]' THEN
        EXECUTE format('SELECT min(v), max(v), count(*) FROM %I.checkpoint_migrations', target)
            INTO lowest, highest, recorded;
    END IF;
    IF highest > 9 OR lowest < 0 THEN
        RAISE EXCEPTION 'expected versions 0 to 9 in checkpoint_migrations of schema %, found %: use the release of this project that knows this version',
            quote_ident(target), CASE WHEN highest > 9 THEN highest ELSE lowest END USING ERRCODE = 'MG011';
    END IF;

    IF app_role <> '' THEN
        SELECT has_schema_privilege(app_role, n.oid, 'USAGE') AND 12 = (SELECT count(*) FROM pg_class AS c
                CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p
                WHERE c.relnamespace = n.oid AND has_table_privilege(app_role, c.oid, p)
                    AND c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes'))
            INTO granted FROM pg_namespace AS n WHERE n.nspname = target;
    END IF;
    PERFORM set_config('checkpoint.findings', findings::text, false),
        set_config('checkpoint.complete', (findings = '[]' AND recorded = 10 AND granted)::text, false);
    IF current_setting('checkpoint.complete')::boolean THEN
        RETURN;
    ELSIF NOT current_setting('checkpoint.locked')::boolean THEN
        RAISE EXCEPTION 'expected no other migration of schema %, found one at work (%): wait for it or end it',
            quote_ident(target), current_setting('checkpoint.holder', true) USING ERRCODE = 'MGBSY';
    END IF;
END
$inspect$;

-- relation size instead of rows: needs no right, no lock, and sees what row security would hide.
SELECT current_setting('checkpoint.complete')::boolean AS complete,
    f.all @> '[{"check_name": "tables"}]' AS tables_missing,
    f.all @> '[{"fix": "drop not null"}]' AS blob_required,
    f.all @> '[{"object": "checkpoint_writes.task_path"}]' AS task_path_missing,
    f.all @> '[{"fix": "rebuild"}]' AS index_broken,
    f.all @> '[{"object": "checkpoints_thread_id_idx"}]' AS checkpoints_index,
    f.all @> '[{"object": "checkpoint_blobs_thread_id_idx"}]' AS blobs_index,
    f.all @> '[{"object": "checkpoint_writes_thread_id_idx"}]' AS writes_index,
    EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = :'schema' AND c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
            AND pg_relation_size(c.oid) > 0) AS live,
    coalesce((SELECT string_agg(x ->> 'object', ', ') FROM jsonb_array_elements(f.all) AS x
        WHERE x ->> 'check_name' <> 'nullability'), 'the version rows or rights') AS missing
FROM (SELECT current_setting('checkpoint.findings')::jsonb) AS f ("all") \gset

\if :complete
\echo '==> already applied: yes'
\echo '==> result: schema' :schema 'already at version 9, nothing to do'
\else
\echo '==> already applied: no, missing or broken:' :missing

DO $rights$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    app_role constant text := current_setting('checkpoint.app_role');
    findings constant jsonb := current_setting('checkpoint.findings');
    schema_oid constant oid := (SELECT oid FROM pg_namespace WHERE nspname = target);
    me constant text := quote_ident(current_user);
    other record;
BEGIN
    IF NOT has_schema_privilege(schema_oid, 'USAGE') OR (findings @> '[{"fix": "create"}]' OR findings @> '[{"fix": "rebuild"}]')
            AND NOT has_schema_privilege(schema_oid, 'CREATE') THEN
        RAISE EXCEPTION 'role % may not create objects in schema %: run GRANT USAGE, CREATE ON SCHEMA % TO %',
            me, quote_ident(target), quote_ident(target), me USING ERRCODE = '42501';
    END IF;
    SELECT c.relname, quote_ident(pg_get_userbyid(c.relowner)) AS owner INTO other
        FROM pg_class AS c JOIN jsonb_array_elements(findings) AS f ON starts_with(f ->> 'object', c.relname || '.')
            OR starts_with(f ->> 'object', c.relname || '_thread_id_idx')
        WHERE c.relnamespace = schema_oid AND c.relkind = 'r' AND NOT pg_has_role(c.relowner, 'USAGE') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'role % may not change table %, which belongs to role %: run GRANT % TO %',
            me, other.relname, other.owner, other.owner, me USING ERRCODE = '42501';
    END IF;
    IF app_role <> '' AND NOT has_schema_privilege(app_role, schema_oid, 'USAGE')
            AND NOT has_schema_privilege(schema_oid, 'USAGE WITH GRANT OPTION') THEN
        RAISE EXCEPTION 'role % may not grant the use of schema %: run GRANT USAGE ON SCHEMA % TO % as the owner of the schema',
            me, quote_ident(target), quote_ident(target), quote_ident(app_role) USING ERRCODE = '42501';
    END IF;
    SELECT c.relname, quote_ident(pg_get_userbyid(c.relowner)) AS owner INTO other
        FROM pg_class AS c CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p
        WHERE app_role <> '' AND c.relnamespace = schema_oid
            AND c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
            AND NOT has_table_privilege(app_role, c.oid, p)
            AND NOT has_table_privilege(c.oid, p || ' WITH GRANT OPTION') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'role % may not grant rights on table %, which belongs to role %: run GRANT % TO %',
            me, other.relname, other.owner, other.owner, me USING ERRCODE = '42501';
    END IF;
END
$rights$;

\if :live
\echo '==> apply: tables hold rows, indexes are built concurrently'
\else
\echo '==> apply: tables are new or empty, one transaction'
\endif
BEGIN;
\if :index_broken
-- The lock proves that nobody is building the index at this moment: an unfinished build looks just as invalid.
SELECT CASE WHEN :'live' THEN format('LOCK TABLE %I.%I IN SHARE UPDATE EXCLUSIVE MODE', :'schema', t.tbl)
    ELSE format('DROP INDEX %I.%I', :'schema', t.tbl || '_thread_id_idx') END
FROM unnest(ARRAY['checkpoints', 'checkpoint_blobs', 'checkpoint_writes']) AS t (tbl)
WHERE current_setting('checkpoint.findings')::jsonb
    @> jsonb_build_array(jsonb_build_object('object', t.tbl || '_thread_id_idx', 'fix', 'rebuild')) \gexec
\endif
-- Inside pg_catalog comes first all the same, so nothing in the schema can take the place of a type.
SELECT set_config('search_path', current_setting('checkpoint.path'), true) AS path \gset
\if :tables_missing
CREATE TABLE IF NOT EXISTS checkpoint_migrations (
    v INTEGER PRIMARY KEY
);
CREATE TABLE IF NOT EXISTS checkpoints (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT,
    type TEXT,
    checkpoint JSONB NOT NULL,
    metadata JSONB NOT NULL DEFAULT '{}',
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
);
CREATE TABLE IF NOT EXISTS checkpoint_blobs (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    channel TEXT NOT NULL,
    version TEXT NOT NULL,
    type TEXT NOT NULL,
    blob BYTEA,
    PRIMARY KEY (thread_id, checkpoint_ns, channel, version)
);
CREATE TABLE IF NOT EXISTS checkpoint_writes (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    idx INTEGER NOT NULL,
    channel TEXT NOT NULL,
    type TEXT,
    blob BYTEA NOT NULL,
    task_path TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
);
\endif
-- Only where needed: even an ALTER that changes nothing queues for ACCESS EXCLUSIVE.
\if :blob_required
ALTER TABLE checkpoint_blobs ALTER COLUMN blob DROP NOT NULL;
\endif
\if :task_path_missing
ALTER TABLE checkpoint_writes ADD COLUMN IF NOT EXISTS task_path TEXT NOT NULL DEFAULT '';
\endif

\if :live
COMMIT;
-- A concurrent build waits for older transactions without holding up anybody.
SELECT set_config('lock_timeout', '0', false) AS lock_timeout,
    set_config('statement_timeout', :'index_timeout', false) AS statement_timeout \gset
\if :index_broken
SELECT format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, c.relname)
FROM pg_class AS c JOIN pg_index AS i ON i.indexrelid = c.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = :'schema' AND NOT (i.indisvalid AND i.indisready) AND c.relname IN
    ('checkpoints_thread_id_idx', 'checkpoint_blobs_thread_id_idx', 'checkpoint_writes_thread_id_idx') \gexec
\endif
SELECT set_config('search_path', current_setting('checkpoint.path'), false) AS path \gset
\if :checkpoints_index
CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoints_thread_id_idx ON checkpoints (thread_id);
\endif
\if :blobs_index
CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoint_blobs_thread_id_idx ON checkpoint_blobs (thread_id);
\endif
\if :writes_index
CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoint_writes_thread_id_idx ON checkpoint_writes (thread_id);
\endif
SELECT set_config('lock_timeout', '50ms', false) AS lock_timeout,
    set_config('statement_timeout', '0', false) AS statement_timeout \gset
BEGIN;
\else
\if :checkpoints_index
CREATE INDEX IF NOT EXISTS checkpoints_thread_id_idx ON checkpoints (thread_id);
\endif
\if :blobs_index
CREATE INDEX IF NOT EXISTS checkpoint_blobs_thread_id_idx ON checkpoint_blobs (thread_id);
\endif
\if :writes_index
CREATE INDEX IF NOT EXISTS checkpoint_writes_thread_id_idx ON checkpoint_writes (thread_id);
\endif
\endif

DO $prove$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    app_role constant text := current_setting('checkpoint.app_role');
    remaining text;
BEGIN
    PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
    IF NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
            AND classid = 1279739699 AND objid::bigint = hashtext(target)::bigint & 4294967295
            AND pid = pg_backend_pid()) THEN
        RAISE EXCEPTION 'expected this session to hold the lock of schema %, found it does not: connect to the server itself, not through a pooler',
            quote_ident(target) USING ERRCODE = 'MG005';
    END IF;
    EXECUTE format('SELECT string_agg(object || '': '' || what, ''; '') FROM (%s) AS l', current_setting('checkpoint.layout'))
        INTO remaining;
    IF remaining IS NOT NULL THEN
        RAISE EXCEPTION 'expected the complete schema % after the migration, found that somebody changed it meanwhile (%): run the migration again',
            quote_ident(target), remaining USING ERRCODE = 'MGBSY';
    END IF;
    EXECUTE format('INSERT INTO %I.checkpoint_migrations (v) SELECT generate_series(0, 9) ON CONFLICT (v) DO NOTHING', target);
    IF app_role <> '' THEN
        IF NOT has_schema_privilege(app_role, (SELECT oid FROM pg_namespace WHERE nspname = target), 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', target, app_role);
        END IF;
        IF EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p
                WHERE n.nspname = target AND c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
                    AND NOT has_table_privilege(app_role, c.oid, p)) THEN
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %1$I.checkpoints, %1$I.checkpoint_blobs, '
                '%1$I.checkpoint_writes TO %2$I', target, app_role);
        END IF;
    END IF;
END
$prove$;
COMMIT;
\echo '==> verify: 4 tables, 7 indexes, versions 0 to 9'
SELECT format('==> result: schema %s at version 9: 4 tables, 7 indexes, migrated in %s s', quote_ident(:'schema'),
    round((extract(epoch FROM clock_timestamp()) - current_setting('checkpoint.started')::numeric)::numeric, 1));
\endif
SELECT pg_advisory_unlock(1279739699, hashtext(:'schema')) AS unlocked \gset
RESET ROLE;
