-- Goes on after what the sweep covered: blobs first, then writes, then the end.
\set position :got_next_position
\set from_thread :got_next_thread
\set tries 0
\set step sweep
\ir retention_top.sql
\if :got_next_is_end
    \set position ''
    \set from_thread ''
    \if :in_blobs
        \set in_blobs false
        \ir retention_table.sql
    \else
        \set step done
    \endif
\endif
