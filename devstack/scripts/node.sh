#!/bin/sh
# Puts a program into control groups and namespaces of its own:
#     node.sh ROOT... -- [LEAF...] -- PROGRAM [ARGUMENT...]
# ROOT is the group that the program takes for the root of a hierarchy: that is the one its starter is in
# when the control group namespace is made. LEAF is a group below it, entered afterwards.
set -eu

enter() {
    while [ "$1" != -- ]; do
        echo $$ >"$1/cgroup.procs"
        shift
    done
}

shift_to_separator() {
    count=1
    while [ "$1" != -- ]; do
        count=$((count + 1))
        shift
    done
}

if [ "$1" = --inside ]; then
    shift
    enter "$@"
    shift_to_separator "$@"
    shift "$count"
    exec unshare --mount --pid --net --uts --ipc --fork --kill-child --propagation private -- "$@"
fi
enter "$@"
shift_to_separator "$@"
shift "$count"
exec unshare --cgroup -- "$0" --inside "$@"
