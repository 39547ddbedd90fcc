-- Nothing is got yet.
\set got_pruned 0
\set got_dropped 0
\set got_active 0
\set got_finished 0
\set got_untimed 0
\set got_delta_threads 0
\set got_busy 0
\set got_checkpoints 0
\set got_writes 0
\set got_blobs 0
\set got_bytes 0
\set got_orphan_writes 0
\set got_orphan_blobs 0
