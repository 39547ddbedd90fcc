-- Looks at how a transaction ended: sets :failed, and :unit to what the next may take to last :target
-- milliseconds. Makes way for whoever writes meanwhile.
\set failed :ERROR
\set code :SQLSTATE
\if :failed
    \ir retention_again.sql
\else
    SELECT
        CASE WHEN :got_used * 2 < :unit THEN :unit
            ELSE greatest(1, least(:most, :unit
                * least(1.5, greatest(0.3, :target / (0.01 + :got_took_ms)))))
        END::integer AS unit,
        greatest(:longest, ceil(:got_took_ms)) AS longest,
        clock_timestamp() >= :'until' AS late, clock_timestamp() >= :'say_after' AS say,
        -- One of the transactions since the last step may be its own.
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint - :xid > 1 AS crowded,
        pg_snapshot_xmax(pg_current_snapshot())::text AS xid \gset
    -- Somebody else writes: shorter parts, so that a commit never waits for the log of a long one.
    \if :crowded
        SELECT pg_sleep(0.004) \g /dev/null
        \set target 10
    \else
        \set target 80
    \endif
    \set tries 0
    \ir retention_add.sql
    \if :say
        \echo ==> progress: :checkpoints checkpoints, :writes writes, :blobs blobs of :pruned pruned and :dropped deleted threads
        SELECT clock_timestamp() + interval '30 seconds' AS say_after \gset
    \endif
\endif
