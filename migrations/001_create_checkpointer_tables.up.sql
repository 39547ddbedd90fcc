-- Creates or completes the tables of langgraph-checkpoint-postgres, as layout_9.sql has them.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE] [-v app_role=ROLE] [-v readers=ROLE,ROLE]
--     [-v index_timeout=0] [-v owns_database=false] [-v application_setup=true|false]
--
-- Inspects the catalog, adds only what is missing and may be run at any time, any number of times.
-- Never with -1: CREATE INDEX CONCURRENTLY cannot run in a transaction. SQLSTATE MGBSY and 55P03
-- mean: run it again in a moment; MG0nn and 42501 mean: refused, nothing was changed.
-- \; joins statements into one message, hence one round trip.
\set ON_ERROR_STOP on
\ir session.sql
\if :{?app_role} \else \set app_role ''
\endif
\if :{?readers} \else \set readers ''
\endif
\if :{?owns_database} \else \set owns_database false
\endif
\if :{?index_timeout} \else \set index_timeout 0
\endif

-- The up file of a later migration has its own layout, includes this file and goes on after it.
\if :{?layout}
\set newest_001 false
\else
\set newest_001 true
\ir mark.sql
\ir layout_9.sql
\endif
\set setup_body ''
\set setup_found ''
\set setup_passes ''
\if :{?application_setup}
\ir application_setup.sql
\else
\set application_setup ''
\endif
\echo :connection
\connect -reuse-previous=on client_encoding=UTF8

-- 50 ms, because a statement that waits for a table lock holds up everybody behind it: run again
-- instead of waiting.
SET TRANSACTION ISOLATION LEVEL READ COMMITTED \;
:session \;
SET lock_timeout = '50ms' \;
SET statement_timeout = 0 \;
-- Statements inside $$ cannot see psql's variables, hence custom settings.
SET checkpoint.schema = :'schema' \;
SET checkpoint.owner = :'owner' \;
SET checkpoint.app_role = :'app_role' \;
SET checkpoint.readers = :'readers' \;
SET checkpoint.owns_database = :'owns_database' \;
SET checkpoint.marked = :'marked' \;
SET checkpoint.newest = :'version' \;
SET checkpoint.layout = :'layout' \;
SET checkpoint.application_setup = :'application_setup' \;
SET checkpoint.setup_body = :'setup_body' \;
SET checkpoint.setup_found = :'setup_found' \;
DO $preflight$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    owner constant text := current_setting('checkpoint.owner');
    app_role constant text := current_setting('checkpoint.app_role');
    stranger constant text := (SELECT trim(name) FROM unnest(
        string_to_array(current_setting('checkpoint.readers'), ',')) AS name
        WHERE trim(name) NOT IN (SELECT rolname FROM pg_roles) LIMIT 1);
    pooled boolean;
    code text := 'MG001';
    reason text;
BEGIN
    PERFORM set_config('checkpoint.started', extract(epoch FROM clock_timestamp())::text, false);
    PERFORM set_config('application_name', 'langgraph-checkpoint-migration', false)
        WHERE current_setting('application_name') IN ('', 'psql');
    -- The server needs a moment to end the first connection's process.
    FOR attempt IN 1..200 LOOP
        pooled := EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
            AND classid = 1279739700 AND objid::text = current_setting('checkpoint.marked')
            AND pid::text = current_setting('checkpoint.marked'));
        EXIT WHEN NOT pooled;
        PERFORM pg_sleep(0.01);
    END LOOP;
    IF pooled THEN
        PERFORM pg_advisory_unlock(1279739700, pg_backend_pid())
            WHERE current_setting('checkpoint.marked') = pg_backend_pid()::text;
        code := 'MG005';
        reason := 'expected one server process for the session, found a transaction pooler: '
            'connect to the server itself';
    ELSIF version() !~ '^PostgreSQL [0-9]' OR version() LIKE '%-YB-%'
            OR current_setting('server_version_num')::integer < 140000 THEN
        code := 'MG006';
        reason := format('expected PostgreSQL 15 to 18, found %s: use one of these',
            split_part(version(), ',', 1));
    ELSIF pg_is_in_recovery() THEN
        reason := 'expected a primary server, found a standby: connect to the primary';
    ELSIF current_setting('transaction_read_only')::boolean THEN
        reason := format('expected a database that accepts writes, found '
            'default_transaction_read_only on for database %I or role %I: turn it off',
            current_database(), session_user);
    ELSIF current_setting('server_encoding') <> 'UTF8' THEN
        code := 'MG002';
        reason := format('expected encoding UTF8, found %s in database %I: create a database with '
            'ENCODING ''UTF8''', current_setting('server_encoding'), current_database());
    ELSIF current_setting('checkpoint.owns_database') <> 'true'
            AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = target) THEN
        code := 'MG003';
        reason := format('expected schema %I in database %I, found no such schema: '
            'create it or name another', target, current_database());
    ELSIF owner <> '' AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = owner) THEN
        code := 'MG004';
        reason := format('expected owner role %I, found no such role: create it or name another',
            owner);
    ELSIF app_role <> '' AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = app_role) THEN
        code := 'MG004';
        reason := format('expected application role %I, found no such role: '
            'create it or name another', app_role);
    ELSIF stranger IS NOT NULL THEN
        code := 'MG004';
        reason := format('expected role %I, which is to read, found no such role: '
            'create it or name another', stranger);
    ELSIF owner <> '' AND NOT pg_has_role(session_user, owner, CASE
            WHEN current_setting('server_version_num')::integer < 160000 THEN 'MEMBER'
            ELSE 'SET' END) THEN
        code := '42501';
        reason := format('role %1$I may not act as owner role %2$I: run GRANT %2$I TO %1$I',
            session_user, owner);
    END IF;
    IF reason IS NOT NULL THEN
        RAISE EXCEPTION USING MESSAGE = reason, ERRCODE = code;
    END IF;

    -- A session lock that is tried, never waited for: a blocking wait deadlocks with CREATE INDEX
    -- CONCURRENTLY, and a row as lock would outlive a killed migration. The database is part of
    -- every advisory lock.
    PERFORM set_config('checkpoint.locked',
        pg_try_advisory_lock(1279739699, hashtext(target))::text, false);
    PERFORM set_config('checkpoint.holder', coalesce((
        SELECT format('pid %s, application %s, connected since %s', l.pid,
            coalesce(quote_literal(a.application_name), 'unknown'),
            coalesce(to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
                'unknown'))
        FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = 1279739699
            AND l.objid::bigint = hashtext(target)::bigint & 4294967295
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        LIMIT 1
    ), 'gone meanwhile'), false);
    -- After the look at pg_stat_activity, which shows less to the owner role.
    PERFORM set_config('role', owner, false) WHERE owner <> '';
    -- In the transaction of all that is looked at below: a refusal takes it back.
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = target) THEN
        EXECUTE format('CREATE SCHEMA %I', target);
        PERFORM set_config('checkpoint.new_schema', 'true', false);
    END IF;
END
$preflight$ \;
-- The grants that are still to be made, and why one of them cannot be made. Rights count as they
-- work, also by way of other roles; the owner's own are among them, since it can lose them.
SET checkpoint.grants = $grants$
WITH beneficiary (name, rights) AS (
    SELECT current_setting('checkpoint.app_role'), '{SELECT,INSERT,UPDATE,DELETE}'::text[]
    WHERE current_setting('checkpoint.app_role') <> ''
    UNION ALL
    SELECT trim(name), '{SELECT}'
    FROM unnest(string_to_array(current_setting('checkpoint.readers'), ',')) AS name
), schema AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname = current_setting('checkpoint.schema')
), tbl AS (
    SELECT c.oid, c.relname, c.relowner, format('%I.%I', s.nspname, c.relname) AS place,
        CASE c.relname WHEN 'checkpoint_migrations' THEN '{SELECT,INSERT}'
            ELSE '{SELECT,INSERT,UPDATE,DELETE}' END::text[] AS rights
    FROM pg_class AS c JOIN schema AS s ON s.oid = c.relnamespace
    WHERE c.relname IN (
        'checkpoint_migrations', 'checkpoints', 'checkpoint_blobs', 'checkpoint_writes'
    )
)
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), b.name) AS statement,
    NULL AS obstacle
FROM beneficiary AS b
WHERE current_setting('checkpoint.owns_database') = 'true'
    AND NOT has_database_privilege(b.name, current_database(), 'CONNECT')
UNION ALL
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', s.nspname, b.name),
    CASE WHEN NOT has_schema_privilege(s.oid, 'USAGE WITH GRANT OPTION')
        THEN format('role %1$I may not open schema %2$I to others: run GRANT USAGE ON SCHEMA '
            '%2$I TO %3$I as the owner of the schema', current_user, s.nspname, b.name) END
FROM beneficiary AS b CROSS JOIN schema AS s WHERE NOT has_schema_privilege(b.name, s.oid, 'USAGE')
UNION ALL
SELECT format('GRANT %s ON TABLE %s TO %I', string_agg(p, ', '), t.place, b.name),
    max(CASE WHEN NOT has_table_privilege(t.oid, p || ' WITH GRANT OPTION')
        THEN format('role %1$I may not grant rights on table %2$s, which belongs to role %3$I: '
            'run GRANT %3$I TO %1$I', current_user, t.relname, pg_get_userbyid(t.relowner)) END)
FROM beneficiary AS b CROSS JOIN tbl AS t CROSS JOIN LATERAL unnest(b.rights) AS p
WHERE t.relname <> 'checkpoint_migrations' AND NOT has_table_privilege(b.name, t.oid, p)
GROUP BY t.place, b.name, t.relname, t.relowner
UNION ALL
SELECT format('GRANT %s ON TABLE %s TO %I', string_agg(p, ', '), t.place,
    pg_get_userbyid(t.relowner)), NULL
FROM tbl AS t CROSS JOIN LATERAL unnest(t.rights) AS p
WHERE pg_has_role(t.relowner, 'USAGE') AND NOT has_table_privilege(t.relowner, t.oid, p)
GROUP BY t.place, t.relowner
$grants$ \;
DO $setup$
BEGIN
    PERFORM set_config('checkpoint.grants', format('%s UNION ALL SELECT statement, obstacle '
            'FROM (%s) AS f WHERE statement IS NOT NULL OR obstacle IS NOT NULL',
            current_setting('checkpoint.grants'), current_setting('checkpoint.setup_found')), false)
        WHERE current_setting('checkpoint.setup_found') <> '';
END
$setup$ \;
DO $inspect$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    busy constant text := format(
        'expected no other migration of schema %I, found one at work (%s): '
        'wait for it or end it', target, current_setting('checkpoint.holder'));
    newest constant integer := current_setting('checkpoint.newest');
    findings jsonb;
    strange text;
    lost boolean;
    lowest integer;
    highest integer;
    recorded bigint := 0;
    granted boolean;
BEGIN
    EXECUTE format('SELECT coalesce(jsonb_agg(to_jsonb(l)), ''[]'') FROM (%s) AS l',
        current_setting('checkpoint.layout')) INTO findings;
    -- What another migration leaves behind for a moment must not be taken for a foreign layout.
    IF findings <> '[]' AND NOT current_setting('checkpoint.locked')::boolean THEN
        RAISE EXCEPTION USING ERRCODE = 'MGBSY', MESSAGE = busy;
    END IF;
    -- Before the differences, which a newer version explains.
    IF NOT EXISTS (SELECT FROM jsonb_array_elements(findings) AS f
        WHERE f ->> 'object' ~ '^checkpoint_migrations') THEN
        EXECUTE format('SELECT min(v), max(v), count(*) FROM %I.checkpoint_migrations', target)
            INTO lowest, highest, recorded;
    END IF;
    IF highest > newest OR lowest < 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'MG011', MESSAGE = format(
            'expected versions 0 to %s in checkpoint_migrations of schema %I, found %s: '
            'use the release of this project that knows this version',
            newest, target, CASE WHEN highest > newest THEN highest ELSE lowest END);
    END IF;

    -- A difference of nullability is one of the column's definition too.
    SELECT string_agg(f.object || ': ' || f.what, '; ' ORDER BY f.n) FILTER (WHERE f.n <= 8)
            || CASE WHEN count(*) > 8 THEN format('; and %s more', count(*) - 8) ELSE '' END,
            -- A column takes the key with it that it is part of.
            bool_and(f.what LIKE '%found no such column' OR f.what LIKE '%PRIMARY KEY%found none')
                AND bool_or(f.what LIKE '%found no such column')
        INTO strange, lost
        FROM (
            SELECT object, what, row_number() OVER (ORDER BY object, what) AS n
            FROM jsonb_to_recordset(findings)
                AS r (check_name text, object text, what text, fix text)
            WHERE fix IS NULL AND check_name <> 'nullability'
        ) AS f;
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MG010', MESSAGE = format(CASE WHEN lost
            THEN 'expected LangGraph''s checkpoint tables in schema %I, found that they lost '
                'columns (%s): restore them from a backup (docs/backup.md, lost columns), or move '
                'them to begin without their rows'
            ELSE 'expected LangGraph''s checkpoint tables or none in schema %I, found others (%s): '
                'name another schema or move them' END, target, strange);
    END IF;

    EXECUTE format('SELECT NOT EXISTS (%s)', current_setting('checkpoint.grants')) INTO granted;
    -- An empty list stands for the defaults, which let PUBLIC in.
    IF current_setting('checkpoint.owns_database') = 'true' THEN
        granted := granted
            AND NOT EXISTS (SELECT FROM pg_database AS d,
                aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
                WHERE d.datname = current_database() AND a.grantee = 0)
            AND NOT EXISTS (SELECT FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
                WHERE n.nspname = target AND a.grantee = 0);
    END IF;
    PERFORM set_config('checkpoint.findings', findings::text, false),
        set_config('checkpoint.complete',
            (findings = '[]' AND recorded = newest + 1 AND granted)::text, false);
    IF NOT current_setting('checkpoint.complete')::boolean
            AND NOT current_setting('checkpoint.locked')::boolean THEN
        RAISE EXCEPTION USING ERRCODE = 'MGBSY', MESSAGE = busy;
    END IF;
END
$inspect$ \;
DO $rights$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    findings constant jsonb := current_setting('checkpoint.findings');
    schema_oid constant oid := (SELECT oid FROM pg_namespace WHERE nspname = target);
    creates constant boolean :=
        findings @> '[{"fix": "create"}]' OR findings @> '[{"fix": "rebuild"}]';
    reason text;
BEGIN
    IF current_setting('checkpoint.complete')::boolean THEN
        RETURN;
    END IF;
    IF NOT has_schema_privilege(schema_oid, 'USAGE')
            OR creates AND NOT has_schema_privilege(schema_oid, 'CREATE') THEN
        reason := format('role %1$I may not create objects in schema %2$I: '
            'run GRANT USAGE, CREATE ON SCHEMA %2$I TO %1$I', current_user, target);
    ELSE
        SELECT format('role %1$I may not change table %2$s, which belongs to role %3$I: '
                'run GRANT %3$I TO %1$I', current_user, c.relname, pg_get_userbyid(c.relowner))
            INTO reason
            FROM pg_class AS c
            -- A column or an index, whose name begins with that of its table.
            JOIN jsonb_array_elements(findings) AS f ON f ->> 'fix' IS NOT NULL
                AND f ->> 'object' ~ concat('^', c.relname, '[._]')
            WHERE c.relnamespace = schema_oid AND c.relkind = 'r' AND c.relname IN (
                    'checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
                AND NOT pg_has_role(c.relowner, 'USAGE')
            LIMIT 1;
    END IF;
    IF reason IS NULL THEN
        EXECUTE format('SELECT max(obstacle) FROM (%s) AS g', current_setting('checkpoint.grants'))
            INTO reason;
    END IF;
    IF reason IS NOT NULL THEN
        RAISE EXCEPTION USING MESSAGE = reason,
            ERRCODE = CASE WHEN reason LIKE 'refusing %' THEN 'MG025' ELSE '42501' END;
    END IF;
END
$rights$ \;
-- The size of a table instead of its rows: it needs no right and no lock, and sees what row
-- security would hide.
SELECT f.complete,
    CASE WHEN f.complete AND f.locked THEN pg_advisory_unlock(1279739699, hashtext(:'schema')) END
        AS unlocked,
    CASE WHEN f.complete THEN set_config('role', 'none', false) END AS role,
    format('==> result: schema %I already at version %s, nothing to do%s', :'schema', :'version',
        :'setup_passes') AS nothing_to_do,
    current_setting('server_version_num')::integer / 10000 NOT BETWEEN 15 AND 18 AS untested,
    current_setting('server_version') AS server,
    coalesce(current_setting('checkpoint.new_schema', true), 'false') AS new_schema,
    f.all @> '[{"check_name": "tables"}]' AS tables_missing,
    f.all @> '[{"fix": "drop not null"}]' AS blob_required,
    f.all @> '[{"object": "checkpoint_writes.task_path"}]' AS task_path_missing,
    f.all @> '[{"fix": "rebuild"}]' AS index_broken,
    f.all @> '[{"object": "checkpoints_thread_id_idx"}]' AS checkpoints_index,
    f.all @> '[{"object": "checkpoint_blobs_thread_id_idx"}]' AS blobs_index,
    f.all @> '[{"object": "checkpoint_writes_thread_id_idx"}]' AS writes_index,
    f.all @> '[{"check_name": "indexes"}]' AS index_missing,
    EXISTS (
        SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = :'schema' AND pg_relation_size(c.oid) > 0
            AND c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
    ) AS live,
    coalesce((
        SELECT string_agg(x ->> 'object', ', ' ORDER BY x ->> 'object')
        FROM jsonb_array_elements(f.all) AS e (x) WHERE x ->> 'check_name' <> 'nullability'
    ), 'version rows or rights') AS missing,
    -- What the newest migration ends with; layout_9.sql says how a text gets into a variable.
    $prove$
DO $do$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    statement text;
    remaining text;
BEGIN
    PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
    IF NOT EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
            AND classid = 1279739699 AND objid::bigint = hashtext(target)::bigint & 4294967295
            AND pid = pg_backend_pid()
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'MG005', MESSAGE = format(
            'expected this session to hold the lock of schema %I, found it does not: '
            'connect to the server itself, not through a pooler', target);
    END IF;
    EXECUTE format('SELECT left(string_agg(object || '': '' || what, ''; '' '
        'ORDER BY object COLLATE "C", what), 1000) FROM (%s) AS l',
        current_setting('checkpoint.layout')) INTO remaining;
    -- Nobody else sees the tables that this transaction made.
    IF EXISTS (
        SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = target AND c.relkind = 'r'
            AND age(c.xmin) <= age(pg_current_xact_id()::xid)
            AND remaining ~ concat('(^|; )', c.relname, '[:.]')
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'MG012', MESSAGE = format(
            'expected the new tables as they were made, found that an event trigger changed them '
            '(%s): run ALTER EVENT TRIGGER ... DISABLE for the one that did (%s), then the '
            'migration again', remaining, (SELECT string_agg(quote_ident(evtname), ', '
                ORDER BY evtname) FROM pg_event_trigger WHERE evtenabled <> 'D'));
    END IF;
    IF remaining IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MGBSY', MESSAGE = format(
            'expected schema %I to be complete, found that somebody changed it meanwhile (%s): '
            'run the migration again', target, remaining);
    END IF;

    IF current_setting('checkpoint.owns_database') = 'true' THEN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', target);
    END IF;
    -- More than once, since ALTER DEFAULT PRIVILEGES may give rights on what was made, and what
    -- stood in the way of something may be gone.
    FOR round IN 1..CASE current_setting('checkpoint.setup_found') WHEN '' THEN 1 ELSE 3 END LOOP
        FOR statement IN EXECUTE format(
            'SELECT statement FROM (%s) AS g WHERE statement IS NOT NULL',
            current_setting('checkpoint.grants'))
        LOOP
            EXECUTE statement;
        END LOOP;
    END LOOP;
    EXECUTE format('INSERT INTO %I.checkpoint_migrations (v) SELECT generate_series(0, %s) '
        'ON CONFLICT (v) DO NOTHING', target, current_setting('checkpoint.newest'));
END
$do$ \;
$prove$ AS prove,
    $outcome$
SELECT pg_advisory_unlock(1279739699, hashtext(:'schema')) AS unlocked, count(*) AS indexes,
    format('==> result: schema %I at version %s: 4 tables, %s indexes, migrated in %s s%s',
        :'schema', :'version', count(*), round(extract(epoch FROM clock_timestamp())
            - current_setting('checkpoint.started')::numeric, 1), :'setup_passes') AS result
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :'schema'
WHERE i.indisvalid AND c.relname IN (
    'checkpoint_migrations', 'checkpoints', 'checkpoint_blobs', 'checkpoint_writes'
)
$outcome$ AS outcome
FROM (
    SELECT current_setting('checkpoint.complete')::boolean AS complete,
        current_setting('checkpoint.locked')::boolean AS locked,
        current_setting('checkpoint.findings')::jsonb AS "all"
) AS f \gset

\if :untested
\echo '==> warning: expected PostgreSQL 15 to 18, found' :server ', which is not supported'
\endif
\if :complete
\echo '==> already applied: yes'
\echo :nothing_to_do
\else
\if :new_schema
\echo '==> create: schema' :schema
\endif
\echo '==> already applied: no, missing or broken:' :missing
\if :live
\echo '==> apply: tables hold rows, indexes are built concurrently'
\else
\echo '==> apply: tables are new or empty, one transaction'
\endif
BEGIN \;
\if :index_broken
-- Where rows are, the lock proves that nobody is at work on the index: an unfinished build looks
-- just as invalid as a failed one.
SET checkpoint.live = :'live' \;
DO $broken$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    tbl text;
    name text;
BEGIN
    FOR tbl, name IN
        SELECT c.relname, f ->> 'object'
        FROM jsonb_array_elements(current_setting('checkpoint.findings')::jsonb) AS f
        JOIN pg_namespace AS n ON n.nspname = target
        JOIN pg_class AS x ON x.relname = (f ->> 'object')::name AND x.relnamespace = n.oid
        JOIN pg_index AS i ON i.indexrelid = x.oid
        JOIN pg_class AS c ON c.oid = i.indrelid
        WHERE f ->> 'fix' = 'rebuild'
        ORDER BY c.relname = 'checkpoints' DESC, c.relname
    LOOP
        IF current_setting('checkpoint.live')::boolean THEN
            EXECUTE format('LOCK TABLE %I.%I IN SHARE UPDATE EXCLUSIVE MODE', target, tbl);
        ELSE
            EXECUTE format('DROP INDEX IF EXISTS %I.%I', target, name);
        END IF;
    END LOOP;
END
$broken$ \;
\endif
-- pg_catalog still comes before the schema, so that nothing in it can pose as a type.
SET search_path = :"schema", pg_temp \;
\if :tables_missing
CREATE TABLE IF NOT EXISTS checkpoint_migrations (
    v INTEGER PRIMARY KEY
) \;
CREATE TABLE IF NOT EXISTS checkpoints (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT,
    type TEXT,
    checkpoint JSONB NOT NULL,
    metadata JSONB NOT NULL DEFAULT '{}',
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
) \;
CREATE TABLE IF NOT EXISTS checkpoint_blobs (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    channel TEXT NOT NULL,
    version TEXT NOT NULL,
    type TEXT NOT NULL,
    blob BYTEA,
    PRIMARY KEY (thread_id, checkpoint_ns, channel, version)
) \;
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
) \;
-- ALTER DEFAULT PRIVILEGES or an event trigger may have let others in. What this transaction made
-- is the owner's alone until the grants further down; what was there before stays as it is. By age,
-- since a trigger with an EXCEPTION block writes as a subtransaction, whose number is a later one.
DO $revoke$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    tbl text;
    grantee text;
BEGIN
    FOR tbl, grantee IN
        SELECT DISTINCT c.relname,
            CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL (
            SELECT a.grantee FROM aclexplode(c.relacl) AS a
            UNION ALL
            SELECT a.grantee FROM pg_attribute AS col, aclexplode(col.attacl) AS a
            WHERE col.attrelid = c.oid
        ) AS g
        WHERE n.nspname = target AND c.relkind = 'r'
            AND age(c.xmin) <= age(pg_current_xact_id()::xid)
            AND g.grantee <> c.relowner AND c.relname IN (
                'checkpoint_migrations', 'checkpoints', 'checkpoint_blobs', 'checkpoint_writes'
            )
    LOOP
        EXECUTE format('REVOKE ALL ON %I.%I FROM %s', target, tbl, grantee);
    END LOOP;
END
$revoke$ \;
\endif
-- Only where needed: even an ALTER that changes nothing queues for ACCESS EXCLUSIVE. Each in a
-- transaction of its own where rows are: nobody waits for one table while we wait for another.
\if :blob_required
-- squawk-ignore ban-drop-not-null
ALTER TABLE checkpoint_blobs ALTER COLUMN blob DROP NOT NULL \;
\if :live
COMMIT \;
BEGIN \;
\endif
\endif
\if :task_path_missing
ALTER TABLE checkpoint_writes ADD COLUMN IF NOT EXISTS task_path TEXT NOT NULL DEFAULT '' \;
\endif

\if :live
COMMIT;
\if :index_missing
-- Concurrent builds wait for older transactions, and nobody waits for them. shared_buffers is the
-- one thing the server tells of its memory; 64 MB and 2 workers, the defaults, suit few tables.
WITH build AS (
    SELECT greatest(c.reltuples, pg_relation_size(c.oid) / 200.0)::numeric AS tuples,
        coalesce(s.avg_width, 40) AS width, coalesce(s.n_distinct, -1)::numeric AS distinct_values
    FROM jsonb_array_elements(current_setting('checkpoint.findings')::jsonb) AS f
    JOIN pg_class AS c ON f ->> 'check_name' = 'indexes' AND c.relkind = 'r'
        AND starts_with(f ->> 'object', c.relname || '_') AND c.relname IN (
            'checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
    JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :'schema'
    LEFT JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname
        AND s.attname = 'thread_id'
), space AS (
    -- A B-tree keeps a value once, with 6 bytes for every row that has it.
    SELECT coalesce(sum(tuples * 7 + (width + 20) * CASE WHEN distinct_values < 0
            THEN - distinct_values * tuples ELSE distinct_values END), 0)::bigint AS index,
        coalesce(max(tuples * (width + 24)), 0)::bigint AS sorting
    FROM build
)
SELECT set_config('lock_timeout', '0', false) AS lock_timeout,
    set_config('statement_timeout', :'index_timeout', false) AS statement_timeout,
    set_config('maintenance_work_mem', greatest(m.setting::bigint,
        least(1048576, b.setting::bigint * 8 / 2)) || 'kB', false) AS memory,
    set_config('max_parallel_maintenance_workers', greatest(w.setting::integer,
        least(4, p.setting::integer))::text, false) AS workers,
    pg_size_pretty(space.index) AS index_space, pg_size_pretty(space.sorting) AS sorting_space
FROM space
JOIN pg_settings AS m ON m.name = 'maintenance_work_mem'
JOIN pg_settings AS b ON b.name = 'shared_buffers'
JOIN pg_settings AS w ON w.name = 'max_parallel_maintenance_workers'
JOIN pg_settings AS p ON p.name = 'max_parallel_workers' \gset
\echo '==> space: the index builds need about' :index_space 'of disk and' :sorting_space 'to sort'
\if :index_broken
SELECT format('DROP INDEX CONCURRENTLY IF EXISTS %I.%I', n.nspname, c.relname)
FROM pg_class AS c
JOIN pg_index AS i ON i.indexrelid = c.oid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN jsonb_array_elements(current_setting('checkpoint.findings')::jsonb) AS f
    ON f ->> 'fix' = 'rebuild' AND f ->> 'object' = c.relname
WHERE n.nspname = :'schema' AND NOT (i.indisvalid AND i.indisready) \gexec
\endif
\if :checkpoints_index
CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoints_thread_id_idx ON checkpoints (thread_id);
\endif
\if :blobs_index
CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoint_blobs_thread_id_idx
    ON checkpoint_blobs (thread_id);
\endif
\if :writes_index
CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoint_writes_thread_id_idx
    ON checkpoint_writes (thread_id);
\endif
SET lock_timeout = '50ms' \;
SET statement_timeout = 0 \;
\endif
\else
-- The tables are empty, so there is nothing to read while the lock is held.
\if :checkpoints_index
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS checkpoints_thread_id_idx ON checkpoints (thread_id) \;
\endif
\if :blobs_index
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS checkpoint_blobs_thread_id_idx ON checkpoint_blobs (thread_id) \;
\endif
\if :writes_index
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS checkpoint_writes_thread_id_idx ON checkpoint_writes (thread_id) \;
\endif
\endif
\if :newest_001
\if :live
BEGIN \;
\endif
:prove
COMMIT \;
RESET ROLE \;
:outcome
\gset
\echo '==> verify: 4 tables,' :indexes 'indexes, versions 0 to' :version
\echo :result
\else
-- Sends what is still open; where the tables are empty, the transaction goes on.
SELECT true AS sent \gset
\endif
\endif
