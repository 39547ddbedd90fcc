-- Adds what was got to what the run has got.
SELECT :pruned + :got_pruned AS pruned, :dropped + :got_dropped AS dropped,
    :active + :got_active AS active, :finished + :got_finished AS finished,
    :untimed + :got_untimed AS untimed, :delta_threads + :got_delta_threads AS delta_threads,
    :busy + :got_busy AS busy, :checkpoints + :got_checkpoints AS checkpoints,
    :writes + :got_writes AS writes, :blobs + :got_blobs AS blobs, :bytes + :got_bytes AS bytes,
    :orphan_writes + :got_orphan_writes AS orphan_writes,
    :orphan_blobs + :got_orphan_blobs AS orphan_blobs
\gset
\ir retention_zero.sql
