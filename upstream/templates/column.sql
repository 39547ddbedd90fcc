-- Version @{version}, upstream's own text.
SELECT :'tables_missing'::boolean OR current_setting('checkpoint.findings')::jsonb
    @@> '[{"object": "@{object}"}]' AS wanted \gset
\if :wanted
@{text}
\endif
