-- Goes on after what the walk covered.
\set position :got_next_position
\set from_thread :got_next_thread
\set step walk
\if :got_next_is_end
    \set position ''
    \set from_thread ''
    \set step :after_walk
\endif
