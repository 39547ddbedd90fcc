-- Prunes the next part of a large thread.
\if :{?trim_ready} \else
    \ir retention_prune.sql
    \if :ERROR \else
        \set trim_ready true
    \endif
\endif
\set unit :size
EXECUTE prune_part(:'threads', :size, :'below_ns', :'below_id') \gset got_
\ir retention_end.sql
\set size :unit
\if :failed
    \if :gave_up
        \ir retention_leave.sql
    \endif
\else
    SELECT greatest(:trimmed, :got_threads) AS trimmed \gset
    \if :got_more
        \set below_ns :got_below_ns
        \set below_id :got_below_id
    \elif :expired
        \set below_ns :top_ns
        \set below_id :top_id
        \set step erase
    \else
        SELECT :trimmed AS got_pruned, 1 - :trimmed AS got_finished \gset
        \ir retention_add.sql
        \ir retention_leave.sql
        \ir retention_stay.sql
    \endif
\endif
