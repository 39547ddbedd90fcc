-- Which table is swept.
\if :in_blobs
    \set table checkpoint_blobs
    \set key 'c.checkpoint_ns, c.channel, c.version'
    \set key_back 'c.checkpoint_ns DESC, c.channel DESC, c.version DESC'
    \set after '($3, $4, $5)'
    \set sweep sweep_blobs
\else
    \set table checkpoint_writes
    \set key 'c.checkpoint_ns, c.checkpoint_id, c.task_id, c.idx'
    \set key_back 'c.checkpoint_ns DESC, c.checkpoint_id DESC, c.task_id DESC, c.idx DESC'
    \set after '($3, $4, $5, $6)'
    \set sweep sweep_writes
\endif
\unset sweep_ready
\unset clear_ready
