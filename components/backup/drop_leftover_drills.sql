-- Drops the scratch databases of restore drills that were killed: by name, by the mark that the
-- drill puts on them, and only while nobody is connected.
SELECT format('DROP DATABASE %I', d.datname)
FROM pg_catalog.pg_database AS d
WHERE d.datname LIKE 'restore\_drill\_%'
    AND pg_catalog.shobj_description(d.oid, 'pg_database') = 'scratch database of a restore drill'
    AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.datid = d.oid
    )
\gexec
