-- Shows how far the index builds of a schema are and which transactions they, or a short
-- table lock, have to wait for.
-- psql -X -f FILE [-v schema=public] [-v seconds=30]    once, without seconds
\set QUIET on
\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned
\if :{?schema} \else \set schema public
\endif

SET search_path = pg_catalog, pg_temp \;
SET statement_timeout = '5s' \;
SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout' \gset

WITH checkpoint_table AS (
    SELECT c.oid, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = :'schema'
        AND c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
), build AS (
    SELECT t.relname, p.* FROM pg_stat_progress_create_index AS p
    JOIN checkpoint_table AS t ON t.oid = p.relid
), lock_holder AS (
    SELECT current_locker_pid AS pid, NULL AS virtualtransaction FROM build
    WHERE current_locker_pid <> 0
    UNION
    SELECT l.pid, l.virtualtransaction FROM pg_locks AS l
    JOIN checkpoint_table AS t ON t.oid = l.relation
    WHERE l.granted AND l.locktype = 'relation' AND l.database = (
        SELECT oid FROM pg_database WHERE datname = current_database())
), in_the_way AS (
    SELECT a.xact_start AS since, concat('pid ', a.pid, ', application ''', a.application_name,
        ''', role ', a.usename, ', ' || a.state) AS who
    FROM (SELECT DISTINCT pid FROM lock_holder) AS h
    JOIN pg_stat_activity AS a USING (pid)
    -- Without pg_read_all_stats the start of another role's transaction is hidden.
    WHERE coalesce(a.xact_start < clock_timestamp() - interval '1 second', true)
        AND NOT EXISTS (SELECT FROM pg_locks AS l
            WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.classid = 1279739699)
    UNION ALL
    SELECT x.prepared, format('prepared transaction %L, role %s', x.gid, x.owner)
    FROM lock_holder AS h
    JOIN pg_locks AS l USING (virtualtransaction)
    JOIN pg_prepared_xacts AS x ON x.transaction = l.transactionid
    WHERE l.locktype = 'transactionid'
)
SELECT concat('==> index build on ', relname, ': ', phase, CASE
    WHEN phase LIKE 'waiting for%' THEN format(', %s of %s', lockers_done, lockers_total)
    WHEN tuples_total > 0 THEN format(', %s %% of %s rows', tuples_done * 100 / tuples_total,
        tuples_total)
    WHEN blocks_total > 0 THEN format(', %s %% of %s blocks', blocks_done * 100 / blocks_total,
        blocks_total) END)
FROM build
UNION ALL
(
    SELECT format('==> in the way: %s, in a transaction since %s', who,
        coalesce(to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), 'unknown'))
    FROM in_the_way ORDER BY since LIMIT 5
)
\if :{?seconds}
\watch :seconds
\else
\g
\endif
