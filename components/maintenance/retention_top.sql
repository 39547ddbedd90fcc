-- The rows to clear begin behind this key.
\set got_a ''
\set got_b ''
\set got_c ''
\set got_d -1000000
