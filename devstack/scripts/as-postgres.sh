#!/bin/sh
# Runs a program as the user postgres: as-postgres.sh FOLDER PROGRAM [ARGUMENT...]
# FOLDER appears as /mnt to that program only, since it may lie in a home the user postgres cannot enter.
# Call it in a mount namespace of its own.
set -eu

mount --bind "$1" /mnt
shift
cd /mnt
exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
