-- Ends the run with one sentence.
SELECT concat(
    CASE WHEN :'dry_run' THEN 'dry run, nothing was deleted: it would prune ' ELSE 'pruned ' END,
    :pruned, ' threads', CASE WHEN :'dry_run' THEN ' and delete ' ELSE ' and deleted ' END,
    :dropped, ' threads: ', :checkpoints, ' checkpoints, ', :writes, ' writes and ', :blobs,
    ' blobs of ', pg_size_pretty(:bytes::bigint), '; left alone: ', :active, ' active, ',
    :finished, ' pruned before, ', :delta_threads, ' with a DeltaChannel, ', :untimed,
    ' with an id that is no UUIDv6, ', :busy, ' locked; ',
    CASE WHEN :keep_days > 0 THEN concat('orphans ', CASE WHEN NOT :'delete_orphans' THEN 'left'
        WHEN :'dry_run' THEN 'to delete' ELSE 'deleted' END, ': ', :orphan_writes, ' writes and ',
        :orphan_blobs, ' blobs; ') END, 'longest transaction ', :longest, ' ms',
    CASE WHEN :'unfinished' THEN '; time is up, the next run goes on' END
) AS sentence \gset
\echo ==> result: :sentence
\set over true
