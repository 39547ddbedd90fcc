-- Looks at how a transaction ended: sets :failed, :unit to what the next may take to last 80
-- milliseconds, and whether somebody else writes meanwhile.
\set failed :ERROR
\set code :SQLSTATE
\if :failed
    \ir retention_again.sql
\else
    SELECT
        CASE WHEN :got_used * 2 < :unit THEN :unit
            ELSE greatest(1, least(:most, :unit * least(1.5, greatest(0.3, 80 / t.took))))
        END::integer AS unit,
        greatest(:longest, ceil(t.took)) AS longest,
        clock_timestamp() >= :'until' AS late, clock_timestamp() >= :'say_after' AS say,
        -- One of the transactions since the last step may be its own.
        CASE WHEN pg_snapshot_xmax(pg_current_snapshot())::text::bigint - :xid > 1
            THEN clock_timestamp() ELSE :'others_at' END AS others_at,
        pg_snapshot_xmax(pg_current_snapshot())::text AS xid
    FROM (
        SELECT 1000 * extract(epoch FROM clock_timestamp() - :'got_began') AS took
    ) AS t \gset
    SELECT set_config('retention.alone',
        (clock_timestamp() - :'others_at' > interval '200 ms')::text, false) \g /dev/null
    \set tries 0
    \ir retention_add.sql
    \if :say
        \echo ==> progress: :checkpoints checkpoints, :writes writes, :blobs blobs of :pruned pruned and :dropped deleted threads
        SELECT clock_timestamp() + interval '30 seconds' AS say_after \gset
    \endif
\endif
