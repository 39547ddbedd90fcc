-- Decides what is done with a large thread that was read to its end.
SELECT ARRAY[:'got_next_thread']::text AS threads,
    -- What all of its checkpoints are below.
    :'look_ns' AS top_ns, :'look_id' || 'z' AS top_id,
    f.expired, f.timed AND f.expired AND (f.any_delta OR :'dry_run') AS erase,
    f.timed AND f.idle AND (f.expired OR NOT f.any_delta) AS touch,
    (NOT f.timed)::integer AS got_untimed, (f.timed AND NOT f.idle)::integer AS got_active,
    (f.timed AND f.idle AND f.any_delta AND NOT f.expired)::integer AS got_delta_threads
FROM (
    SELECT :'timed'::boolean AS timed, :'any_delta'::boolean AS any_delta,
        :'newest' COLLATE "C" < :'keep_before' AS idle,
        :'newest' COLLATE "C" < :'drop_before' AS expired
) AS f \gset
\ir retention_add.sql
\unset look_ns
\set large true
\set trimmed 0
\set below_ns :top_ns
\set below_id :top_id
\if :erase
    \set step erase
\elif :touch
    \set step trim
\else
    \ir retention_leave.sql
\endif
