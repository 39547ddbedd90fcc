-- Version @{version}, upstream's own text, beside the traffic or in the transaction of empty tables.
SELECT current_setting('checkpoint.findings')::jsonb
    @@> '[{"object": "@{object}"}]' AS wanted \gset
\if :wanted
\if :live
SET lock_timeout = 0 \;
SET statement_timeout = :'index_timeout';
@{concurrent}
SET lock_timeout = '50ms' \;
SET statement_timeout = 0;
\else
-- squawk-ignore require-concurrent-index-creation
@{text}
\endif
\endif
