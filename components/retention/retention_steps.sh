# shellcheck shell=sh
# The files of retention share their variables, and ask() sets those that it is given the names of.
# shellcheck disable=SC2034,SC2154
#
# What retention does, step by step: retention.sh reads this file with the dot command.
#
#            .----------------------------------------.
#            v                                        |
#   start > walk --threads-> work ------> orphans ----|
#            |                              ^         |
#            |--a large one-> look -> trim -'         |
#            |                 |       '---> erase ---|
#            |                 |               ^      |
#            |                 |---------------'      |
#            |                 '-- left alone --------'
#            | past the last one
#            v
#          sweep <--> clear          of blobs, then of writes
#            |
#            v
#           done
#
#   walk     sorts the next threads by what is to be done with them
#   work     prunes and drops those that fit into one transaction each
#   look     reads a large thread to its end, before one of its rows is touched
#   trim     prunes a large thread, a part at a time
#   erase    drops a large thread, a part at a time
#   orphans  counts, or deletes, what no checkpoint needs of threads that stay
#   sweep    finds what is left of threads without a checkpoint
#   clear    deletes it
#
# A step is a function: it executes one prepared statement, which is one transaction, and names the
# next step. Where its statement failed, it is taken again with fewer rows.
# Numbers are kept here. Texts stay in psql's variables, where no character of theirs can do harm;
# :'name' quotes one. What is done is in the tables only, so a killed run is simply begun again.

keep_days=${KEEP_LATEST_AFTER_DAYS:-0} drop_days=${DELETE_THREADS_AFTER_DAYS:-0}
dry_run=${DRY_RUN:-false} delete_orphans=${DELETE_ORPHANS:-false} grace=${GRACE_SECONDS:-60}
[ "$drop_days" -gt 0 ] && after_walk=sweep || after_walk='done'

# How many threads, checkpoints, and writes or blobs the next transaction takes.
most=${MOST_AT_ONCE:-5000}
width=$((most < 500 ? most : 500))
size=$width
rows=$((most < 2000 ? most : 2000))
# What the run has got so far, with any connection.
pruned=0 dropped=0 active=0 finished=0 untimed=0 delta_threads=0 busy=0
checkpoints=0 writes=0 blobs=0 bytes=0 orphan_writes=0 orphan_blobs=0 longest=0
# The thread behind which the walk goes on, as SQL.
position=NULL

# Takes steps until all is done or time is up, and sets sentence. Fails with the session.
run_steps() { # SECONDS
    step=walk table=blobs swept=NULL tries=0 timeout=180 alone=true
    lost='' unfinished='' sentence=''
    ask 'EXECUTE clock' || return
    until=$((now + $1 * 1000)) say_at=$((now + 30000)) sweep_at=$((now + grace * 1000))
    last_xid=$xid others_at=0
    while [ "$step" != "done" ] && [ -z "$lost" ]; do
        if [ "$now" -ge "$until" ]; then
            unfinished='; time is up, the next run goes on'
            break
        fi
        "$step"
    done
    [ -z "$lost" ] && ask "SELECT pg_size_pretty($bytes::bigint) AS shown" shown &&
        [ "$failed" = false ] && sum_up
}

walk() {
    # Reading a thread by itself, then its parts, takes longer than a larger transaction.
    limit=$((size * 3 / 2 < most ? size * 3 / 2 : most))
    transact width "walk($position, $width, $size, $limit)" idle expired \
        walked_active walked_untimed walked_finished is_end is_large place || return
    step=work
    if [ "$is_large" = t ]; then
        thread="convert_from('$place', 'UTF8')" timed=t delta=f trimmed=0
        tell "\\set look_ns ''" "\\set look_id ''" "\\set newest ''"
        step=look
    fi
}

work() {
    left_finished=0 left_delta=0
    if [ "$idle" -gt 0 ]; then
        transact size "prune(:'idle_threads', $limit)" left_finished left_delta \
            deleted_threads deleted_checkpoints deleted_writes deleted_blobs deleted_bytes ||
            pass_over || return
        pruned=$((pruned + deleted_threads))
        add
    fi
    if [ "$expired" -gt 0 ]; then
        transact size "drop_threads(:'expired_threads', $limit)" \
            deleted_threads deleted_checkpoints deleted_writes deleted_bytes ||
            pass_over || return
        dropped=$((dropped + deleted_threads))
        add_dropped
    fi
    active=$((active + walked_active)) untimed=$((untimed + walked_untimed))
    finished=$((finished + walked_finished + left_finished))
    delta_threads=$((delta_threads + left_delta))
    walk_on
    [ $((idle + walked_finished)) -eq 0 ] || look_for_orphans ":'staying_threads'"
}

look() {
    transact size "look($thread, $size, :'look_ns', :'look_id', :'newest')" \
        is_timed is_delta is_idle is_expired more || return
    [ "$is_timed" = t ] || timed=f
    [ "$is_delta" = f ] || delta=t
    [ "$more" = f ] || return
    if [ "$timed" = f ]; then
        untimed=$((untimed + 1))
        walk_on
    elif [ "$is_idle" = f ]; then
        active=$((active + 1))
        walk_on
    elif [ "$is_expired" = t ] && { [ "$delta" = t ] || [ "$dry_run" = true ]; }; then
        from_newest erase
    elif [ "$delta" = t ]; then
        delta_threads=$((delta_threads + 1))
        walk_on
    else
        from_newest trim
    fi
}

trim() {
    transact size "prune_part(ARRAY[$thread], $size, :'below_ns', :'below_id')" more left_delta \
        deleted_threads deleted_checkpoints deleted_writes deleted_blobs deleted_bytes ||
        { leave_if_busy; return; }
    trimmed=$((trimmed | deleted_threads))
    add
    [ "$more" = f ] || return
    if [ "$is_expired" = t ]; then
        from_newest erase
    else
        pruned=$((pruned + trimmed)) finished=$((finished + 1 - trimmed))
        walk_on
        look_for_orphans "ARRAY[$thread]"
    fi
}

erase() {
    transact size "drop_part(ARRAY[$thread], $size, :'below_ns', :'below_id')" more \
        deleted_threads deleted_checkpoints deleted_writes deleted_bytes ||
        { leave_if_busy; return; }
    add_dropped
    [ "$more" = f ] || return
    dropped=$((dropped + 1))
    walk_on
}

orphans() {
    transact rows "orphans_$table($threads, $rows, :'thread', :'a', :'b', :'c', :d)" more found ||
        return
    case $table in
        blobs) orphan_blobs=$((orphan_blobs + found)) ;;
        *) orphan_writes=$((orphan_writes + found)) ;;
    esac
    [ "$more" = f ] || return
    from_first
    if [ "$table" = blobs ]; then
        table=writes
    else
        table=blobs step=$after_orphans
    fi
}

sweep() {
    transact width "sweep_$table($swept, $width, $rows)" bare is_end is_large place || return
    if [ "$bare" -eq 0 ] && [ "$is_large" = f ]; then
        sweep_on
    elif [ "$now" -lt "$sweep_at" ] && [ "$dry_run" = false ]; then
        # Outside of a transaction; then it looks again: a thread may be in use by then.
        tell '\! sleep 1'
    else
        from_first
        step=clear
    fi
}

clear() {
    if ! transact rows "clear_$table(:'bare_threads', $rows, :'a', :'b', :'c', :d)" more \
        deleted_rows deleted_bytes; then
        # Fewer rows may fit than the sweep has found.
        [ "$is_large" = t ] || step=sweep
        if [ -n "$gave_up" ] && [ "$bare" -le 1 ]; then
            busy=$((busy + 1))
            sweep_on
        fi
        return
    fi
    case $table in
        blobs) blobs=$((blobs + deleted_rows)) ;;
        *) writes=$((writes + deleted_rows)) ;;
    esac
    bytes=$((bytes + deleted_bytes))
    [ "$more" = t ] || sweep_on
}

# -- Where a step leads to

walk_on() {
    position="convert_from('$place', 'UTF8')" step=walk tries=0
    # Of a large thread nobody has looked yet whether it is the last one.
    if [ "$is_large" = f ] && [ "$is_end" = t ]; then
        step=$after_walk
    fi
}

# Somebody holds rows of one of these threads: takes fewer of them until that is the only one, and
# goes on as if nothing was to be done with it.
pass_over() {
    step=walk
    if [ -z "$gave_up" ] || [ $((idle + expired)) -gt 1 ]; then
        return 1
    fi
    busy=$((busy + 1)) left_finished=0 left_delta=0
    deleted_threads=0 deleted_checkpoints=0 deleted_writes=0 deleted_blobs=0 deleted_bytes=0
}

leave_if_busy() {
    [ -n "$gave_up" ] || return
    busy=$((busy + 1))
    walk_on
}

sweep_on() {
    swept="convert_from('$place', 'UTF8')" step=sweep tries=0
    if [ "$is_large" = f ] && [ "$is_end" = t ]; then
        swept=NULL
        if [ "$table" = blobs ]; then
            table=writes
        else
            step='done'
        fi
    fi
}

look_for_orphans() { # THREADS
    threads=$1 after_orphans=$step step=orphans
    from_first
}

from_newest() { # STEP
    tell '\set below_ns :look_ns' '\set below_id :look_id z'
    step=$1
}

from_first() {
    tell "\\set thread ''" "\\set a ''" "\\set b ''" "\\set c ''" '\set d -1000000'
}

# -- What was got

add() {
    checkpoints=$((checkpoints + deleted_checkpoints)) writes=$((writes + deleted_writes))
    blobs=$((blobs + deleted_blobs)) bytes=$((bytes + deleted_bytes))
}

# The blobs stay until the sweep.
add_dropped() {
    deleted_blobs=0
    add
    sweep_at=$((now + grace * 1000))
}

say() {
    echo "==> progress: $checkpoints checkpoints, $writes writes, $blobs blobs" \
        "of $pruned pruned and $dropped deleted threads"
    say_at=$((now + 30000))
}

sum_up() {
    did='pruned' and_did='deleted' of_orphans=left
    if [ "$dry_run" = true ]; then
        did='dry run, nothing was deleted: it would prune' and_did='delete'
    fi
    case $delete_orphans-$dry_run in
        true-true) of_orphans='to delete' ;;
        true-*) of_orphans=deleted ;;
        *) ;;
    esac
    sentence="$did $pruned threads and $and_did $dropped threads: $checkpoints checkpoints,"
    sentence="$sentence $writes writes and $blobs blobs of $shown; left alone: $active active,"
    sentence="$sentence $finished pruned before, $delta_threads with a DeltaChannel, $untimed"
    sentence="$sentence with an id that is no UUIDv6, $busy locked;"
    [ "$keep_days" -eq 0 ] || sentence="$sentence orphans $of_orphans: $orphan_writes writes and \
$orphan_blobs blobs;"
    sentence="$sentence longest transaction $longest ms$unfinished"
}
