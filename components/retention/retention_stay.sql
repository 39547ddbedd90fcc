-- Has orphans of :threads looked for before the next step.
\set after_orphans :step
\set step orphans
\set orphans_in_blobs true
\ir retention_top.sql
