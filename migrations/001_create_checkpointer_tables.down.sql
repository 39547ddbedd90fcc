-- DATA LOSS: drops the tables of langgraph-checkpoint-postgres with every checkpoint in them.
-- psql -X -f FILE [-v schema=public] [-v owner=ROLE] [-v allow_data_loss=false]
--     [-v app_role=ROLE] [-v owns_database=false] [-v server_id=SYSTEM_IDENTIFIER]
--
-- Refuses with MG020 while a table holds rows and, where the database itself goes afterwards, with
-- MG021 while it holds other tables, unless allow_data_loss is true; whatever that says, with MG022
-- while others are connected to a database that goes, with MG023 behind a long transaction, with
-- MG024 on another server than the one that is named, and with MG025 while the schema through
-- which setup() passes holds what is not the application's, or the application's rows.
-- Nothing there is a success. SQLSTATE MGBSY and 55P03 mean: run it again in a moment; MG0nn, 2BP01
-- and 42501 mean: refused, nothing was changed.
\set ON_ERROR_STOP on
\ir session.sql
\if :{?allow_data_loss} \else \set allow_data_loss false
\endif
\if :{?owns_database} \else \set owns_database false
\endif
\if :{?server_id} \else \set server_id ''
\endif
\if :{?app_role} \else \set app_role ''
\endif

-- The down file of a later migration has its own layout and includes this file.
\if :{?layout}
\else
\ir mark.sql
\ir layout_9.sql
\endif
-- What the schema through which setup() passes holds of the tables goes before them.
\set application_setup false
\ir application_setup.sql
\echo :connection
\connect -reuse-previous=on client_encoding=UTF8

-- 50 ms, because a statement that waits for a table lock holds up everybody behind it: run again
-- instead of waiting.
:session \;
SET lock_timeout = '50ms' \;
SET statement_timeout = 0 \;
-- Statements inside $$ cannot see psql's variables, hence custom settings.
SELECT set_config('checkpoint.marked', :'marked', false) AS marked,
    set_config('checkpoint.newest', :'version', false) AS newest,
    set_config('checkpoint.layout', :'layout', false) AS layout,
    set_config('checkpoint.schema', :'schema', false) AS schema,
    set_config('checkpoint.owner', :'owner', false) AS owner,
    set_config('checkpoint.allow_data_loss', :'allow_data_loss', false) AS allow_data_loss,
    set_config('checkpoint.owns_database', :'owns_database', false) AS owns_database,
    set_config('checkpoint.server_id', :'server_id', false) AS server_id,
    set_config('checkpoint.app_role', :'app_role', false) AS app_role,
    set_config('checkpoint.application_setup', :'application_setup', false) AS application_setup,
    set_config('checkpoint.setup_body', :'setup_body', false) AS setup_body,
    set_config('checkpoint.setup_found', :'setup_found', false) AS setup_found,
    set_config('checkpoint.path', quote_ident(:'schema') || ', pg_temp', false) AS path,
    set_config('application_name', CASE WHEN current_setting('application_name') IN ('', 'psql')
        THEN 'langgraph-checkpoint-rollback' ELSE current_setting('application_name') END,
        false) AS application \gset
DO $preflight$
DECLARE
    owner constant text := current_setting('checkpoint.owner', true);
    server_id constant text := current_setting('checkpoint.server_id');
    pooled boolean;
    code text := 'MG001';
    reason text;
BEGIN
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
    ELSIF pg_is_in_recovery() THEN
        reason := 'expected a primary server, found a standby: connect to the primary';
    ELSIF current_setting('transaction_read_only')::boolean THEN
        reason := format('expected a database that accepts writes, found '
            'default_transaction_read_only on for database %I or role %I: turn it off',
            current_database(), session_user);
    ELSIF server_id <> ''
            AND server_id <> (SELECT system_identifier::text FROM pg_control_system()) THEN
        code := 'MG024';
        reason := format('expected PostgreSQL server %s, where database %I goes afterwards, found '
            'server %s: the secret in Vault names another server, correct its host and port',
            server_id, current_database(), (SELECT system_identifier FROM pg_control_system()));
    ELSIF owner <> '' AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = owner) THEN
        code := 'MG004';
        reason := format('expected owner role %I, found no such role: create it or name another',
            owner);
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
END
$preflight$;

-- A session lock that is tried, never waited for: a blocking wait deadlocks with CREATE INDEX
-- CONCURRENTLY, and a row as lock would outlive a killed migration. The database is part of every
-- advisory lock.
SELECT set_config('checkpoint.locked',
    pg_try_advisory_lock(1279739699, hashtext(:'schema'))::text, false) AS locked \gset
\if :locked
\else
SELECT set_config('checkpoint.holder', coalesce((
    SELECT format('pid %s, application %s, connected since %s', l.pid,
        coalesce(quote_literal(a.application_name), 'unknown'),
        coalesce(to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
            'unknown'))
    FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = 1279739699
        AND l.objid::bigint = hashtext(:'schema')::bigint & 4294967295
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    LIMIT 1
), 'gone meanwhile'), false) AS holder \gset
\endif
-- Who must leave first. Five seconds, as long as DROP DATABASE itself waits for sessions to end:
-- one that opens and closes now and then is in nobody's way, nor is a short transaction.
DO $others$
DECLARE
    owned constant boolean := current_setting('checkpoint.owns_database') = 'true';
    sessions text;
    holding text[];
BEGIN
    FOR attempt IN 1..50 LOOP
        EXIT WHEN NOT current_setting('checkpoint.locked')::boolean;
        PERFORM pg_stat_clear_snapshot();
        -- Whatever has a user keeps the database: clients, logical replication, background workers.
        -- Autovacuum has none, and a replica's walsender is in no database. The kind and the
        -- address of another role's session are hidden from who is no member of pg_read_all_stats.
        SELECT string_agg(who, ', ' ORDER BY n) FILTER (WHERE n <= 5)
                || CASE WHEN count(*) > 5 THEN format(' and %s others', count(*) - 5) ELSE '' END
            INTO sessions
            FROM (
                SELECT row_number() OVER (
                        ORDER BY count(*) DESC, usename, application_name, client_addr) AS n,
                    format('role %I (%s session%s, application %L%s)', usename, count(*),
                        CASE WHEN count(*) > 1 THEN 's' END, application_name,
                        ', from ' || host(client_addr)) AS who
                FROM pg_stat_activity
                WHERE owned AND datname = current_database() AND usename IS NOT NULL
                    AND pid NOT IN (
                        pg_backend_pid(), current_setting('checkpoint.marked')::integer)
                GROUP BY usename, application_name, client_addr
            ) AS s;
        -- Those that hold a lock since the first look: when another role's transaction began is
        -- hidden as well.
        SELECT coalesce(array_agg(DISTINCT l.virtualtransaction), '{}') INTO holding
            FROM pg_locks AS l
            JOIN pg_class AS c ON c.oid = l.relation
            JOIN pg_namespace AS n ON n.oid = c.relnamespace
            LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
            WHERE l.granted AND l.locktype = 'relation' AND l.pid IS DISTINCT FROM pg_backend_pid()
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND n.nspname = current_setting('checkpoint.schema') AND c.relname IN (
                    'checkpoint_migrations', 'checkpoints', 'checkpoint_blobs',
                    'checkpoint_writes')
                AND (l.pid IS NULL OR a.usename IS NOT NULL)
                AND (holding IS NULL OR l.virtualtransaction = ANY (holding));
        EXIT WHEN sessions IS NULL AND holding = '{}';
        PERFORM pg_sleep(0.1);
    END LOOP;
    PERFORM set_config('checkpoint.sessions', coalesce(sessions, ''), false),
        set_config('checkpoint.holding', coalesce((
            SELECT string_agg(who, '; ') FROM (
                SELECT concat('pid ', pid, ', application ', quote_literal(application_name),
                    ', role ', quote_ident(usename), ', ' || state)
                FROM pg_stat_activity
                WHERE pid IN (SELECT pid FROM pg_locks WHERE virtualtransaction = ANY (holding))
                UNION
                SELECT format('prepared transaction %L, role %I', x.gid, x.owner)
                FROM pg_prepared_xacts AS x
                JOIN pg_locks AS l ON l.transactionid = x.transaction
                WHERE l.virtualtransaction = ANY (holding)
            ) AS h (who)
        ), ''), false);
END
$others$;
-- After the looks at pg_stat_activity, which shows less to the owner role.
SELECT CASE WHEN :'owner' <> '' THEN set_config('role', :'owner', false) END AS role \gset
DO $inspect$
DECLARE
    target constant text := current_setting('checkpoint.schema');
    newest constant integer := current_setting('checkpoint.newest');
    strange text;
    highest integer;
    tbl text;
    held bigint;
    total bigint := 0;
    counts text[] := '{}';
BEGIN
    IF NOT current_setting('checkpoint.locked')::boolean THEN
        RAISE EXCEPTION USING ERRCODE = 'MGBSY', MESSAGE = format(
            'expected no other migration of schema %I, found one at work (%s): '
            'wait for it or end it', target, current_setting('checkpoint.holder', true));
    END IF;
    IF current_setting('checkpoint.sessions') <> '' THEN
        RAISE EXCEPTION USING ERRCODE = 'MG022', MESSAGE = format(
            'expected nobody else in database %I, which is to be dropped, found %s: '
            'stop the application, or end these sessions, then run pulumi destroy again',
            current_database(), current_setting('checkpoint.sessions'));
    END IF;
    IF current_setting('checkpoint.holding') <> '' THEN
        RAISE EXCEPTION USING ERRCODE = 'MG023', MESSAGE = format(
            'expected short transactions on the tables, found locks held for more than 5 s (%s): '
            'wait for their end, or end these sessions, then run pulumi destroy again',
            current_setting('checkpoint.holding'));
    END IF;
    -- Before the differences, which a newer version explains.
    IF EXISTS (
        SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'v'
        WHERE n.nspname = target AND c.relname = 'checkpoint_migrations' AND c.relkind = 'r'
            AND a.atttypid = 'integer'::regtype
    ) THEN
        EXECUTE format('SELECT max(v) FROM %I.checkpoint_migrations', target) INTO highest;
    END IF;
    IF highest > newest THEN
        RAISE EXCEPTION USING ERRCODE = 'MG011', MESSAGE = format(
            'expected versions 0 to %s in checkpoint_migrations of schema %I, found %s: '
            'use the release of this project that knows this version', newest, target, highest);
    END IF;
    EXECUTE format('SELECT left(string_agg(object || '': '' || what, ''; ''), 1000) FROM (%s) AS l '
        'WHERE fix IS NULL AND check_name <> ''nullability''', current_setting('checkpoint.layout'))
        INTO strange;
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MG010', MESSAGE = format(
            'expected LangGraph''s checkpoint tables or none in schema %I, found others (%s): '
            'drop them by hand if you mean to', target, strange);
    END IF;
    FOR tbl IN SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = target
            AND c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
        ORDER BY c.relname = 'checkpoints' DESC, c.relname
    LOOP
        -- Up to a limit, so that a refusal never reads a large table to its end.
        EXECUTE format('SELECT count(*) FROM (SELECT FROM %I.%I LIMIT 100001) AS r', target, tbl)
            INTO held;
        total := total + held;
        counts := counts || format('%s %s', tbl,
            CASE WHEN held > 100000 THEN 'more than 100000' ELSE held::text END);
    END LOOP;
    IF total > 0 AND current_setting('checkpoint.allow_data_loss') <> 'true' THEN
        RAISE EXCEPTION USING ERRCODE = 'MG020', MESSAGE = format(
            'refusing to drop tables that hold data (rows: %s); '
            'set allowDataLoss to true, run pulumi up, then pulumi destroy',
            array_to_string(counts, ', '));
    END IF;
    IF current_setting('checkpoint.owns_database') = 'true'
        AND current_setting('checkpoint.allow_data_loss') <> 'true' THEN
        SELECT left(string_agg(format('%I.%I', n.nspname, c.relname), ', '), 1000) INTO strange
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT starts_with(n.nspname, 'pg_')
            AND n.nspname <> 'information_schema'
            AND NOT (n.nspname = target AND c.relname IN (
                'checkpoint_migrations', 'checkpoints', 'checkpoint_blobs', 'checkpoint_writes'
            ))
            AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
            -- What a newer saver's setup() left goes with the schema through which it passes.
            AND NOT (pg_relation_size(c.oid) = 0 AND coalesce(obj_description(n.oid, 'pg_namespace')
                LIKE 'setup() of LangGraph''s savers passes here;%', false));
        IF strange IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'MG021', MESSAGE = format(
                'refusing to let database %I be dropped with other tables in it (%s); '
                'move them, or set allowDataLoss to true, run pulumi up, then pulumi destroy',
                current_database(), strange);
        END IF;
    END IF;
    EXECUTE format('SELECT max(obstacle) FROM (%s) AS f', current_setting('checkpoint.setup_found'))
        INTO strange;
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MG025', MESSAGE = strange;
    END IF;
END
$inspect$;

SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ' ORDER BY c.relname) AS present,
    count(*) = 0 AS nothing
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = :'schema' AND c.relname IN (
    'checkpoint_migrations', 'checkpoints', 'checkpoint_blobs', 'checkpoint_writes') \gset
BEGIN;
DO $setup$
DECLARE
    statement text;
BEGIN
    EXECUTE format('SELECT max(statement) FROM (%s) AS f',
        current_setting('checkpoint.setup_found')) INTO statement;
    IF statement IS NOT NULL THEN
        EXECUTE statement;
    END IF;
END
$setup$;
\if :nothing
\else
\echo '==> drop:' :present
SELECT set_config('checkpoint.present', :'present', true) AS present \gset
DO $lock$
DECLARE
    tbl text;
    held boolean;
BEGIN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', current_setting('checkpoint.present'));
    FOR tbl IN SELECT format('%I.%I', n.nspname, c.relname)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = current_setting('checkpoint.schema')
            AND current_setting('checkpoint.allow_data_loss') <> 'true'
            AND c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', tbl) INTO held;
        IF held THEN
            RAISE EXCEPTION USING ERRCODE = 'MGBSY', MESSAGE = format('expected %s to stay empty, '
                'found rows written meanwhile: run the rollback again', tbl);
        END IF;
    END LOOP;
END
$lock$;
SELECT set_config('search_path', current_setting('checkpoint.path'), true) AS path \gset
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX IF EXISTS checkpoint_writes_thread_id_idx, checkpoint_blobs_thread_id_idx,
    checkpoints_thread_id_idx RESTRICT;
-- squawk-ignore ban-drop-table
DROP TABLE IF EXISTS checkpoint_writes, checkpoint_blobs, checkpoints, checkpoint_migrations
    RESTRICT;
\endif
COMMIT;
SELECT format('==> result: schema %I holds no checkpoint tables%s', :'schema',
    CASE :'nothing' WHEN 't' THEN ', nothing to do' ELSE ' any more' END);
SELECT pg_advisory_unlock(1279739699, hashtext(:'schema')) AS unlocked \gset
RESET ROLE;
