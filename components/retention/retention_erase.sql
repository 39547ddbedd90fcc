-- Drops the next part of a large thread.
\if :{?erase_ready} \else
    \ir retention_drop.sql
    \if :ERROR \else
        \set erase_ready true
    \endif
\endif
\set unit :size
EXECUTE drop_part(:'threads', :size, :'below_ns', :'below_id') \gset got_
\ir retention_end.sql
\set size :unit
\if :failed
    \if :gave_up
        \ir retention_leave.sql
    \endif
\else
    \set sweep_after :got_sweep_after
    \if :got_more
        \set below_ns :got_below_ns
        \set below_id :got_below_id
    \else
        \set got_dropped 1
        \ir retention_add.sql
        \ir retention_leave.sql
    \endif
\endif
