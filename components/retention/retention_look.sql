-- Reads all checkpoints of a large thread, a part at a time, then decides what is done with it.
PREPARE look (text, integer, text, text, text) AS
WITH seen AS MATERIALIZED (
    SELECT k.checkpoint_ns AS ns, k.checkpoint_id AS id, :delta AS delta
    FROM checkpoints AS k
    WHERE k.thread_id = $1
        AND (k.checkpoint_ns, k.checkpoint_id) >= ($3, $4) AND :paced
    ORDER BY k.checkpoint_ns, k.checkpoint_id LIMIT $2 + 1
)
SELECT coalesce(bool_and(id LIKE :'uuid6' AND id ~ :'hex'), true) AS is_timed,
    coalesce(bool_or(delta), false) AS is_delta,
    greatest(max(id COLLATE "C"), $5) AS newest,
    greatest(max(id COLLATE "C"), $5) COLLATE "C" < :'keep_before' AS is_idle,
    greatest(max(id COLLATE "C"), $5) COLLATE "C" < :'drop_before' AS is_expired,
    coalesce((SELECT ns FROM seen ORDER BY ns DESC, id DESC LIMIT 1), '') AS look_ns,
    coalesce((SELECT id FROM seen ORDER BY ns DESC, id DESC LIMIT 1), '') AS look_id,
    count(*) > $2 AS more, count(*) AS used, :started AS began
FROM seen;
