-- Reads all checkpoints of a large thread, a part at a time, then decides what is done with it.
\if :{?look_ready} \else
PREPARE look (text, text, text, integer) AS
WITH seen AS MATERIALIZED (
    SELECT k.checkpoint_ns AS ns, k.checkpoint_id AS id, :delta AS delta
    FROM checkpoints AS k
    WHERE k.thread_id = $1
        AND (k.checkpoint_ns, k.checkpoint_id) >= ($2, $3) AND :paced
    ORDER BY k.checkpoint_ns, k.checkpoint_id LIMIT $4 + 1
)
SELECT coalesce(bool_and(id LIKE :'uuid6' AND id ~ :'hex'), true) AS timed,
    coalesce(bool_or(delta), false) AS delta,
    coalesce(max(id COLLATE "C"), '') AS newest,
    coalesce((SELECT ns FROM seen ORDER BY ns DESC, id DESC LIMIT 1), '') AS ns,
    coalesce((SELECT id FROM seen ORDER BY ns DESC, id DESC LIMIT 1), '') AS id,
    count(*) AS used, count(*) > $4 AS more, statement_timestamp() AS began
FROM seen;
\if :ERROR \else
    \set look_ready true
\endif
\endif

\if :{?look_ns} \else
    \set look_ns ''
    \set look_id ''
    \set newest ''
    \set timed true
    \set any_delta false
\endif
\set unit :size
EXECUTE look(:'got_next_thread', :'look_ns', :'look_id', :size) \gset got_
\ir retention_end.sql
\set size :unit
\if :failed \else
    SELECT :'timed' AND :'got_timed' AS timed, :'any_delta' OR :'got_delta' AS any_delta,
        greatest(:'newest' COLLATE "C", :'got_newest') AS newest,
        :'got_ns' AS look_ns, :'got_id' AS look_id \gset
    \if :got_more \else
        \ir retention_judge.sql
    \endif
\endif
