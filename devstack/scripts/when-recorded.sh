#!/bin/sh
# Becomes a program once its starter has written down the pid: when-recorded.sh PROGRAM [ARGUMENT...]
# A starter that is killed before that closes the pipe without a word, and nothing is left running.
set -eu

read -r _
exec "$@" </dev/null
