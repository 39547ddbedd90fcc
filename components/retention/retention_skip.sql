-- Somebody else holds rows of one of these threads: finds out of which one, and passes over it.
SELECT :width = 1 AS alone \gset
\set tries 0
\if :alone
    \set got_busy 1
    \ir retention_add.sql
    \ir retention_next.sql
\else
    \set width 1
\endif
