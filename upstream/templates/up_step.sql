-- Version @{version}, upstream's own text.
SELECT NOT EXISTS (SELECT FROM checkpoint_migrations WHERE v = @{version}) AS missing \gset
\if :missing
SET lock_timeout = '@{lock_timeout}';
@{text}
INSERT INTO checkpoint_migrations (v) VALUES (@{version}) ON CONFLICT (v) DO NOTHING;
\endif
