-- Decides how what failed with :code is tried again; any other error ends the run the second time.
SELECT :'code' = '57014' AS slow, :'code' IN ('55P03', '40001', '40P01') AS in_the_way,
    :tries + 1 AS tries, :tries >= 4 AS gave_up, greatest(1, :unit / 2) AS unit,
    CASE WHEN :unit > 1 THEN 180 ELSE :limit * 2 END AS limit \gset
\if :slow
    -- One checkpoint of its own may take longer than a transaction should.
    SET statement_timeout = :limit;
    \set gave_up false
\elif :in_the_way
    SELECT pg_sleep(0.02 + random() * 0.08) AS slept \gset
\else
    \set ON_ERROR_STOP on
\endif
