-- Version @{version}, upstream's own text@{changed}.
SELECT NOT EXISTS (SELECT FROM checkpoint_migrations WHERE v = @{version}) AS wanted \gset
\if :wanted
@{text}
\endif
