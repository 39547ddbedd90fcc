-- Prepares a session of retention.sh: settings, the lock, and the statements that it executes.
-- After it psql goes on at an error: retention_steps.sh reads which one it was.
\set ON_ERROR_STOP on
\set QUIET on
\set AUTOCOMMIT on
\set VERBOSITY verbose
\set SHOW_CONTEXT never
\pset tuples_only on
\pset format unaligned
SET search_path = pg_catalog, pg_temp \;
SET client_min_messages = error \;
SET standard_conforming_strings = on \;
SET row_security = off \;
SET lock_timeout = '50ms' \;
SET statement_timeout = '180ms' \;
-- A deletion that a crash undoes is done again by the next run: no commit waits for the disk, and
-- none makes the application's commits wait for it.
SET synchronous_commit = off \;
-- Each statement is a transaction of its own, on one snapshot.
SET default_transaction_isolation = 'repeatable read' \;
SET default_transaction_read_only = :dry_run \;
-- Plans are made from estimates of a thread's rows, which are worst for the threads that matter.
-- Tables are read by index only, and what was read from them is joined by hash. Each statement is
-- planned once: planning takes as long as working on a small part does.
SET plan_cache_mode = force_generic_plan \;
SET jit = off \;
SET work_mem = '16MB' \;
SET hash_mem_multiplier = 1 \;
SET max_parallel_workers_per_gather = 0 \;
SET enable_seqscan = off \;
SET enable_mergejoin = off \;
SET enable_nestloop = off \;
SET retention.schema = :'schema' \;
SET retention.owner = :'owner' \;
SET retention.alone = true \;
SET retention.rest_at = 0 \;
DO $preflight$
DECLARE
    target constant text := current_setting('retention.schema');
    owner constant text := current_setting('retention.owner');
    missing text;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION USING ERRCODE = '25006', MESSAGE =
            'expected a primary server, found a standby: connect to the primary';
    END IF;
    IF owner <> '' THEN
        PERFORM set_config('role', owner, false);
    END IF;
    PERFORM set_config('search_path', format('%I, pg_temp', target), false);
    SELECT string_agg(t.name, ', ') INTO missing
    FROM unnest(ARRAY['checkpoints', 'checkpoint_blobs', 'checkpoint_writes']) AS t (name)
    WHERE to_regclass(format('%I.%I', target, t.name)) IS NULL;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MG003', MESSAGE = format(
            'expected the checkpoint tables in schema %I of database %I, found no %s: migrate first',
            target, current_database(), missing);
    END IF;
    -- "LGCr" in ASCII.
    IF NOT pg_try_advisory_lock(1279738738, hashtext(target)) THEN
        RAISE EXCEPTION USING ERRCODE = 'MGBSY', MESSAGE =
            'another retention run works on this schema';
    END IF;
END
$preflight$;

-- A UUIDv6 begins with its time, so ids compare as their times do; these are the limits as ids.
-- 122192928000000000: 100 ns from the UUIDs' epoch, 1582-10-15, to 1970-01-01.
SELECT
    CASE WHEN :keep_days > 0 THEN l.keep ELSE l.drop END AS keep_before,
    CASE WHEN :drop_days > 0 THEN l.drop ELSE '' END AS drop_before,
    :delete_orphans AND NOT :dry_run AS deletes_orphans,
    -- When a statement began, in milliseconds.
    '(extract(epoch FROM statement_timestamp()) * 1000)::bigint' AS started,
    -- One pattern for both would take six times as long: a state for each of its characters.
    '________-____-6___-____-____________' AS uuid6, '^[0-9a-f-]*$' AS hex,
    -- As in upstream: what a graph with a DeltaChannel leaves behind, in Python or JavaScript.
    $delta$(
        k.metadata ?| ARRAY['counters_since_delta_snapshot', 'delta_writes_versioned']
        OR k.checkpoint -> 'channel_values' @? 'strict $.* ? (@ == true)' AND EXISTS (
            SELECT FROM jsonb_each(k.checkpoint -> 'channel_values') AS v
            WHERE v.value = 'true' AND (
                SELECT true FROM checkpoint_blobs AS b
                WHERE b.thread_id = k.thread_id AND b.checkpoint_ns = k.checkpoint_ns
                    AND b.channel = v.key
                    AND b.version = k.checkpoint -> 'channel_versions' ->> v.key
                LIMIT 1
            )
        )
    )$delta$ AS delta,
    -- A condition of every row read or deleted: while somebody else writes, a statement works for
    -- 0.08 ms, then rests for 1 ms. A commit wakes several processes in turn, and a scheduler lets each
    -- wait for whoever computes at that moment, which a pause between statements does not shorten.
    -- The time of the next rest is counted from the end of the last one, which may come late.
    -- 0.0009: pg_sleep() rounds up to milliseconds, and 0.001 by an error of its clock often to two.
    $paced$(
        (SELECT current_setting('retention.alone')::boolean)
        OR date_part('epoch', clock_timestamp()) < current_setting('retention.rest_at')::float8
        OR pg_sleep(0.0009) IS NOT NULL AND set_config('retention.rest_at',
            (date_part('epoch', clock_timestamp()) + 0.00008)::text, false) IS NOT NULL
    )$paced$ AS paced
FROM (
    SELECT overlay(overlay(left(h.keep, 15) PLACING '-6' FROM 13 FOR 0) PLACING '-' FROM 9 FOR 0)
            AS keep,
        overlay(overlay(left(h.drop, 15) PLACING '-6' FROM 13 FOR 0) PLACING '-' FROM 9 FOR 0)
            AS drop
    FROM (
        SELECT lpad(to_hex(122192928000000000
                + (extract(epoch FROM now() - :keep_days * interval '1 day') * 10000000)::bigint),
                15, '0') AS keep,
            lpad(to_hex(122192928000000000
                + (extract(epoch FROM now() - :drop_days * interval '1 day') * 10000000)::bigint),
                15, '0') AS drop
    ) AS h
) AS l \gset

-- How a statement takes rows, with their bytes, and what is told apart: all that has an ended call's
-- namespace goes with it, whatever checkpoint it belongs to. In a dry run the earlier parts of that
-- call are still there, to be counted then.
\if :dry_run
    \set whole 'd.call'
    \set take 'SELECT pg_column_size(c.blob) AS bytes FROM'
    \set taken ''
\else
    \set whole 'd.number IN (SELECT number FROM ended_call)'
    \set take 'DELETE FROM'
    \set taken 'RETURNING pg_column_size(c.blob) AS bytes'
\endif

\ir retention_walk.sql
\ir retention_look.sql
\set large false
\ir retention_prune.sql
\ir retention_drop.sql
\set large true
\ir retention_prune.sql
\ir retention_drop.sql

\set in_blobs true
\set kind blobs
\set table checkpoint_blobs
\set key 'c.checkpoint_ns, c.channel, c.version'
\set key_back 'c.checkpoint_ns DESC, c.channel DESC, c.version DESC'
\set last_key 'c.checkpoint_ns AS a, c.channel AS b, c.version AS c, 0 AS d'
\set after '($3, $4, $5)'
\set behind '($3, $4, $5, $6)'
\set same_key 'ROW(c.thread_id, c.checkpoint_ns, c.channel, c.version) = ROW(d.thread_id, d.checkpoint_ns, d.channel, d.version)'
\ir retention_sweep.sql
\ir retention_clear.sql
\ir retention_orphans.sql

\set in_blobs false
\set kind writes
\set table checkpoint_writes
\set key 'c.checkpoint_ns, c.checkpoint_id, c.task_id, c.idx'
\set key_back 'c.checkpoint_ns DESC, c.checkpoint_id DESC, c.task_id DESC, c.idx DESC'
\set last_key 'c.checkpoint_ns AS a, c.checkpoint_id AS b, c.task_id AS c, c.idx AS d'
\set after '($3, $4, $5, $6)'
\set behind '($3, $4, $5, $6, $7)'
\set same_key 'ROW(c.thread_id, c.checkpoint_ns, c.checkpoint_id, c.task_id, c.idx) = ROW(d.thread_id, d.checkpoint_ns, d.checkpoint_id, d.task_id, d.idx)'
\ir retention_sweep.sql
\ir retention_clear.sql
\ir retention_orphans.sql

-- What time it is, in milliseconds, and the id of the server's next transaction.
PREPARE clock AS
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now,
    pg_snapshot_xmax(pg_current_snapshot())::text AS xid;
\set ON_ERROR_STOP off
