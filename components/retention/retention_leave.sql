-- Goes on after a large thread, which somebody else holds rows of if it was given up.
\if :gave_up
    \set got_busy 1
    \ir retention_add.sql
    \set tries 0
\endif
\set large false
SELECT count(*) = 0 AS next_is_end, coalesce(max(thread_id), '') AS next_thread,
    encode(convert_to(coalesce(max(thread_id), ''), 'UTF8'), 'hex') AS next_position
FROM (
    SELECT thread_id FROM checkpoints WHERE thread_id > :'got_next_thread' ORDER BY thread_id LIMIT 1
) AS n \gset got_
\ir retention_next.sql
