-- Which table is swept, or searched for orphans.
\if :in_blobs
    \set table checkpoint_blobs
    \set key 'c.checkpoint_ns, c.channel, c.version'
    \set key_back 'c.checkpoint_ns DESC, c.channel DESC, c.version DESC'
    \set after '($3, $4, $5)'
    \set sweep sweep_blobs
    \set orphans orphan_blobs
    \set behind '($3, $4, $5, $6)'
    \set last_key 'c.checkpoint_ns AS a, c.channel AS b, c.version AS c'
    \set same_key 'ROW(c.thread_id, c.checkpoint_ns, c.channel, c.version) = ROW(d.thread_id, d.checkpoint_ns, d.channel, d.version)'
\else
    \set table checkpoint_writes
    \set key 'c.checkpoint_ns, c.checkpoint_id, c.task_id, c.idx'
    \set key_back 'c.checkpoint_ns DESC, c.checkpoint_id DESC, c.task_id DESC, c.idx DESC'
    \set after '($3, $4, $5, $6)'
    \set sweep sweep_writes
    \set orphans orphan_writes
    \set behind '($3, $4, $5, $6, $7)'
    \set last_key 'c.checkpoint_ns AS a, c.checkpoint_id AS b, c.task_id AS c, c.idx AS d'
    \set same_key 'ROW(c.thread_id, c.checkpoint_ns, c.checkpoint_id, c.task_id, c.idx) = ROW(d.thread_id, d.checkpoint_ns, d.checkpoint_id, d.task_id, d.idx)'
\endif
\unset sweep_ready
\unset clear_ready
