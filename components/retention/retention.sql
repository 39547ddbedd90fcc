-- Prepares a run of retention.sh; retention_step.sql then runs again and again in this session.
-- psql has no loop, hence files that set :step, the name of the next one:
--   walk   sorts the next threads by what is to be done with them
--   work   prunes and drops those that fit into one transaction each
--   look   reads a large thread, before one of its rows is touched
--   trim   prunes a large thread, a part at a time
--   erase  drops a large thread, a part at a time
--   sweep  finds blobs, then writes, of threads that have no checkpoint left
--   clear  deletes them
--   orphans  counts, or deletes, what no checkpoint needs of threads that are pruned
--   done   says what was done
-- A walk leads to work, or for a large thread to look, then trim or erase, and then to the next walk;
-- past the last thread sweep and clear take turns; orphans come behind work and trim. Each statement of a step is followed by
-- retention_end.sql, which chooses the next one's size.
-- All state is in the tables: what is deleted is not found again, so a killed run starts anew.
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
    CASE WHEN :drop_days > 0 THEN 'sweep' ELSE 'done' END AS after_walk,
    :delete_orphans AND NOT :dry_run AS deletes_orphans,
    clock_timestamp() + :seconds * interval '1 second' AS until,
    clock_timestamp() + :grace * interval '1 second' AS sweep_after,
    clock_timestamp() + interval '30 seconds' AS say_after,
    pg_snapshot_xmax(pg_current_snapshot())::text AS xid,
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
    -- 0.15 ms of each 1.15. A commit wakes several processes in turn, and a scheduler lets each wait for
    -- whoever computes at that moment, which a pause between statements does not shorten.
    -- 0.0009: pg_sleep() rounds up to milliseconds, and 0.001 by an error of its clock often to two.
    $paced$(
        (SELECT current_setting('retention.alone')::boolean)
        OR date_part('microseconds', clock_timestamp())::integer % 1150 < 150
        OR pg_sleep(0.0009) IS NOT NULL
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

SELECT convert_from(decode(:'position', 'hex'), 'UTF8') AS from_thread,
    least(500, :most) AS width, least(500, :most) AS size, least(2000, :most) AS rows \gset
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
\set step walk
\set in_blobs true
\set large false
\set over false
\set late false
\set unfinished false
\set tries 0
\set longest 0
\set limit 180
\set others_at -infinity
\ir retention_zero.sql
\ir retention_top.sql
\ir retention_table.sql
\set ON_ERROR_STOP off
