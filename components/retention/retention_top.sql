-- The rows to clear, or to look at, begin behind this key.
\set got_thread ''
\set got_a ''
\set got_b ''
\set got_c ''
\set got_d -1000000
