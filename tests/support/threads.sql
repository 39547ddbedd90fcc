-- Fills the tables with :threads threads of 100 checkpoints, in the order of writing: 4 writes a
-- checkpoint, a blob each, another one every second time, a run every tenth.
\set ON_ERROR_STOP on
CREATE TEMPORARY TABLE step AS
SELECT t.number AS thread, s.number AS step, md5(t.number::text)::uuid::text AS thread_id,
    substr(i.hex, 1, 8) || '-' || substr(i.hex, 9, 4) || '-6' || substr(i.hex, 13, 3) || '-8000-'
        || lpad(to_hex(t.number), 12, '0') AS id,
    lpad(s.number::text, 32, '0') || '.0.243798848838515' AS version,
    lpad((s.number - s.number % 2)::text, 32, '0') || '.0.343798848838515' AS document
FROM generate_series(0, 100) AS s (number)
CROSS JOIN generate_series(1, :threads) AS t (number)
-- 2025-01-01 and seconds later, in 100 ns since 1582.
CROSS JOIN LATERAL (
    SELECT lpad(to_hex(139548927999990000 + s.number * 10000000 + t.number), 15, '0') AS hex
) AS i
ORDER BY s.number, t.number;

INSERT INTO checkpoints (thread_id, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
SELECT thread_id, id,
    CASE WHEN step > 1 THEN lag(id, :threads) OVER (ORDER BY step, thread) END,
    jsonb_build_object(
        'v', 4, 'id', id, 'ts', '2025-01-01T00:00:00+00:00',
        'channel_values', jsonb_build_object('count', step),
        'channel_versions', jsonb_build_object(
            'messages', version, 'documents', document, 'count', version
        ),
        'versions_seen', '{}'::jsonb
    ),
    jsonb_build_object(
        'source', 'loop', 'step', step, 'parents', '{}'::jsonb,
        'run_id', format('run-%s-%s', thread, (step - 1) / 10)
    )
FROM step WHERE step > 0
ORDER BY step, thread;

INSERT INTO checkpoint_blobs (thread_id, channel, version, type, blob)
SELECT thread_id, 'messages', version, 'bytes', decode(repeat(md5(version), 6), 'hex')
FROM step WHERE step > 0 ORDER BY step, thread;

INSERT INTO checkpoint_blobs (thread_id, channel, version, type, blob)
SELECT thread_id, 'documents', document, 'bytes', decode(repeat(md5(document), 6), 'hex')
FROM step WHERE step % 2 = 0 ORDER BY step, thread;

INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, type, blob)
SELECT s.thread_id, s.id, md5(s.id)::uuid::text, i.number, 'messages', 'bytes',
    decode(repeat(md5(s.id), 6), 'hex')
FROM step AS s
CROSS JOIN generate_series(0, 3) AS i (number)
WHERE s.step > 0 ORDER BY s.step, s.thread;

DROP TABLE step;
VACUUM (FREEZE, ANALYZE) checkpoints, checkpoint_blobs, checkpoint_writes;
