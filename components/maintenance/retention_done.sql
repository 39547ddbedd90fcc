-- Ends the run with one sentence.
SELECT concat(
    CASE WHEN :'dry_run' THEN 'dry run, nothing was deleted: it would prune ' ELSE 'pruned ' END,
    :pruned, ' threads', CASE WHEN :'dry_run' THEN ' and delete ' ELSE ' and deleted ' END,
    :dropped, ' threads: ', :checkpoints, ' checkpoints, ', :writes, ' writes and ', :blobs,
    ' blobs of ', pg_size_pretty(:bytes::bigint), '; left alone: ', :active, ' active, ',
    :finished, ' pruned before, ', :delta_threads, ' with a DeltaChannel, ', :untimed,
    ' with an id that is no UUIDv6, ', :busy, ' locked; longest transaction ', :longest, ' ms',
    CASE WHEN :'unfinished' THEN '; time is up, the next run goes on' END
) AS sentence \gset
\echo ==> result: :sentence
\set over true
