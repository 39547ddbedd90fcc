-- Looks for orphans of :threads, a part at a time, first among the blobs.
\if :{?find_ready} \else
    \set in_blobs false
    \ir retention_table.sql
    \ir retention_find.sql
    \set in_blobs true
    \ir retention_table.sql
    \ir retention_find.sql
    \set find_ready true
\endif
\set unit :rows
\if :orphans_in_blobs
    EXECUTE find_blobs(:'threads', :rows, :'got_thread', :'got_a', :'got_b', :'got_c') \gset got_
\else
    EXECUTE find_writes(:'threads', :rows, :'got_thread', :'got_a', :'got_b', :'got_c', :got_d) \gset got_
\endif
\ir retention_end.sql
\set rows :unit
\if :failed
\elif :got_more
\else
    \ir retention_top.sql
    \if :orphans_in_blobs
        \set orphans_in_blobs false
    \else
        \set step :after_orphans
    \endif
\endif
