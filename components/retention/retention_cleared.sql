-- Goes on after what was cleared.
\if :got_any_large
    SELECT count(*) = 0 AS next_is_end, coalesce(max(thread_id), '') AS next_thread,
        encode(convert_to(coalesce(max(thread_id), ''), 'UTF8'), 'hex') AS next_position
    FROM (
        SELECT thread_id FROM :table WHERE thread_id > :'got_next_thread' ORDER BY thread_id LIMIT 1
    ) AS n \gset got_
\endif
\ir retention_swept.sql
