# shellcheck shell=sh
# The files of retention share their variables, and ask() sets those that it is given the names of.
# shellcheck disable=SC2034,SC2154
#
# The session of retention.sh: one psql that executes what it is told, a transaction at a time.

# psql executes the lines that the steps write into its input, until that is closed.
start_psql() { # SECONDS
    rm -f "$work/questions" "$work/answers"
    mkfifo "$work/questions" "$work/answers"
    psql -X -w -v "schema=${SCHEMA:-public}" -v "owner=${OWNER_ROLE:-}" \
        -v "keep_days=$keep_days" -v "drop_days=$drop_days" -v "dry_run=$dry_run" \
        -v "delete_orphans=$delete_orphans" -f "$files/retention.sql" -f - "$connection" \
        < "$work/questions" > "$work/answers" 2> "$work/stderr" &
    child=$! ending=INT
    # Before this shell has the pipes: psql ends when nobody else holds its input.
    kill_after $(($1 + 30)) "$child" &
    guard=$!
    exec 3> "$work/questions" 4< "$work/answers"
}

end_psql() {
    exec 3>&- 4<&-
    wait "$child"
    status=$?
    child=
    kill "$guard" 2> /dev/null
    guard=
}

# Executes a statement, and sets SIZE to what the next transaction may take to last 80 milliseconds.
transact() { # SIZE STATEMENT NAME...
    sized=$1 statement=$2 gave_up=
    shift 2
    ask "EXECUTE $statement" began used "$@" || return
    eval "unit=\$$sized"
    if [ "$failed" = true ]; then
        unit=$((unit > 1 ? unit / 2 : 1))
        learn_from_failure
    else
        # The looks of walk and sweep tell nothing of what work and clear have tried.
        [ "$sized" = width ] || tries=0
        learn_from_success
    fi
    eval "$sized=$unit"
    [ "$failed" = false ]
}

learn_from_success() {
    took=$((now > began ? now - began : 0))
    longest=$((took > longest ? took : longest))
    # Where less was there than it might take, the time tells nothing.
    if [ $((used * 2)) -ge "$unit" ]; then
        base=$((used > unit ? used : unit))
        unit=$(((unit * 3 + 1) / 2)) fits=$((base * 80 / (took + 1))) least=$((base * 3 / 10))
        unit=$((fits < unit ? fits : unit))
        unit=$((unit > least ? unit : least))
        unit=$((unit > 1 ? unit : 1))
        unit=$((unit < most ? unit : most))
    fi
    # One of the transactions since the last one may be its own.
    [ $((xid - last_xid)) -le 1 ] || others_at=$now
    last_xid=$xid
    make_way
    [ "$now" -lt "$say_at" ] || say
}

learn_from_failure() {
    tries=$((tries + 1))
    judge_statement "$code"
    case $verdict in
        late)
            # One checkpoint of its own may take longer than a transaction should.
            timeout=$((unit > 1 ? 180 : timeout * 2))
            tell "SET statement_timeout = $timeout;"
            ;;
        held)
            [ "$tries" -lt 5 ] || gave_up=yes
            tell 'SELECT pg_sleep(0.02 + random() * 0.08) \g /dev/null'
            ;;
        *) lost=yes ;;
    esac
}

# The statements rest while somebody else writes to the server, and for 200 ms after that.
make_way() {
    [ $((now - others_at)) -le 200 ] && now_alone=false || now_alone=true
    [ "$now_alone" = "$alone" ] || tell "SET retention.alone = $now_alone;"
    alone=$now_alone
}

# Sends SQL, and sets failed, code, now, xid and the named columns of its only row.
ask() { # SQL NAME...
    sql=$1 names=
    shift
    for name; do
        names="$names :$name"
    done
    tell "$sql \\gset" '\set failed :ERROR' '\set code :SQLSTATE' 'EXECUTE clock \gset' \
        "\\echo :failed :code :now :xid$names"
    read -r failed code now xid "$@" <&4 || lost=yes
    [ -z "$lost" ]
}

# psql may be gone, which the next answer tells. Silent is the command, not the function: in that a
# signal's trap may run, whose sentence must be seen.
tell() { # LINE...
    printf '%s\n' "$@" >&3 2> /dev/null
}
