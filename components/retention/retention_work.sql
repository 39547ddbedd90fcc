-- Prunes and drops the threads that the walk found, then goes on with those after them.
\if :{?work_ready} \else
    \ir retention_prune.sql
    \if :ERROR \else
        \ir retention_drop.sql
        \if :ERROR \else
            \set work_ready true
        \endif
    \endif
\endif
\set unit :size
\if :got_any_idle
    EXECUTE prune(:'got_idle', :size) \gset got_
    \ir retention_end.sql
    \if :failed \else
        \set got_pruned :got_threads
        \ir retention_add.sql
    \endif
\endif
\if :failed
\elif :got_any_expired
    EXECUTE drop_threads(:'got_expired', :size) \gset got_
    \ir retention_end.sql
    \if :failed \else
        \set sweep_after :got_sweep_after
        \set got_dropped :got_threads
        \ir retention_add.sql
    \endif
\endif
\set size :unit
\if :failed
    -- What succeeded is finished by now, the walk passes over it.
    \set step walk
    \if :gave_up
        \ir retention_skip.sql
    \endif
\else
    \set got_active :got_window_active
    \set got_untimed :got_window_untimed
    \set got_finished :got_window_finished
    \ir retention_add.sql
    \ir retention_next.sql
    \if :got_any_staying
        \set threads :got_staying
        \ir retention_stay.sql
    \endif
\endif
