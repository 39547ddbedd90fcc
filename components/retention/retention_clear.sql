-- Deletes the rows that :threads without checkpoints have in :table, of a large one a part.
\if :{?clear_ready} \else
\if :in_blobs
PREPARE clear_blobs (text[], integer, text, text, text) AS
\else
PREPARE clear_writes (text[], integer, text, text, text, integer) AS
\endif
WITH doomed AS MATERIALIZED (
    SELECT r.*
    FROM unnest($1) AS t (thread_id)
    CROSS JOIN LATERAL (
        SELECT c.ctid AS place, pg_column_size(c.blob) AS bytes, :key
        FROM :table AS c
        WHERE c.thread_id = t.thread_id
\if :in_blobs \else
            -- Of a younger one the checkpoint may yet come.
            AND c.checkpoint_id LIKE :'uuid6' AND c.checkpoint_id ~ :'hex'
            AND c.checkpoint_id COLLATE "C" < :'drop_before'
\endif
\if :dry_run \else
            AND (
                SELECT true FROM checkpoints AS k WHERE k.thread_id = t.thread_id LIMIT 1
            ) IS NULL
\endif
            AND (:key) > :after AND :paced
        ORDER BY c.thread_id, :key LIMIT $2
    ) AS r
), deleted AS (
\if :dry_run
    SELECT FROM doomed
\else
    DELETE FROM :table WHERE ctid = ANY (ARRAY(SELECT place FROM doomed)) AND :paced
    RETURNING true
\endif
)
SELECT
\if :in_blobs
    d.deleted AS blobs, l.checkpoint_ns AS a, l.channel AS b, l.version AS c,
\else
    d.deleted AS writes, l.checkpoint_ns AS a, l.checkpoint_id AS b, l.task_id AS c, l.idx AS d,
\endif
    coalesce((SELECT sum(bytes) FROM doomed), 0) AS bytes,
    d.deleted AS used, d.deleted = $2 AS more, statement_timestamp() AS began
FROM (SELECT count(*) AS deleted FROM deleted) AS d
LEFT JOIN LATERAL (SELECT * FROM doomed AS c ORDER BY :key_back LIMIT 1) AS l ON true;
\if :ERROR \else
    \set clear_ready true
\endif
\endif

\set unit :rows
\if :in_blobs
    EXECUTE clear_blobs(:'threads', :rows, :'got_a', :'got_b', :'got_c') \gset got_
\else
    EXECUTE clear_writes(:'threads', :rows, :'got_a', :'got_b', :'got_c', :got_d) \gset got_
\endif
\ir retention_end.sql
\set rows :unit
\if :failed
    -- Fewer rows may fit than the sweep has found.
    \if :got_any_large \else
        \set step sweep
    \endif
    \if :gave_up
        \set got_busy 1
        \ir retention_add.sql
        \ir retention_cleared.sql
    \endif
\elif :got_more
    -- Of a thread that is not large, too: it had exactly as many.
\else
    \ir retention_cleared.sql
\endif
