-- One step of a run, and where it stands for whoever runs psql again after a lost connection.
\if :late
    \set unfinished true
    \set step done
\endif
\set failed false
\set gave_up false
\ir retention_:step.sql
\echo ==> state: -v position=:position -v pruned=:pruned -v dropped=:dropped -v active=:active -v finished=:finished -v untimed=:untimed -v delta_threads=:delta_threads -v busy=:busy -v checkpoints=:checkpoints -v writes=:writes -v blobs=:blobs -v bytes=:bytes -v orphan_writes=:orphan_writes -v orphan_blobs=:orphan_blobs
