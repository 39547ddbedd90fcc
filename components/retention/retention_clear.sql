-- Deletes the rows that threads ($1) without checkpoints have in :table, at most $2 of each.
PREPARE clear_:kind (text[], integer, text, text, text, integer) AS
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
SELECT d.deleted AS deleted_rows, coalesce((SELECT sum(bytes) FROM doomed), 0) AS deleted_bytes, l.*,
    d.deleted = $2 AS more, d.deleted AS used, :started AS began
FROM (SELECT count(*) AS deleted FROM deleted) AS d
LEFT JOIN LATERAL (
    SELECT :last_key FROM doomed AS c ORDER BY :key_back LIMIT 1
) AS l ON true;
