#!/bin/sh
# check-files.sh COMMAND...: runs the command if the mounted files are those of FILES_SHA256.
# It stands in the Job itself, so that no mounted file vouches for itself, and comes before
# everything that connects. Exit status: 14 if a file is changed, missing or one too many.
# Environment: FILES_DIR FILES_SHA256 (sorted lines of sha256sum) TERMINATION_LOG
set -u
export LC_ALL=C

names() {
    printf '%s\n' "$1" | cut -c 67-
}

# The volume holds links of Kubernetes as well, whose names begin with two dots.
found=$(cd -- "$FILES_DIR" && sha256sum -- * .[!.]* 2> /dev/null | sort)
[ "$found" != "$FILES_SHA256" ] || exec "$@"

wrong=
differing=$(printf '%s\n%s\n' "$FILES_SHA256" "$found" | sort | uniq -u)
for name in $(names "$differing" | sort -u); do
    what=changed
    names "$found" | grep -qxF -- "$name" || what=missing
    names "$FILES_SHA256" | grep -qxF -- "$name" || what=added
    wrong="$wrong${wrong:+, }$name ($what)"
done
sentence="integrity: expected the files that this Job was made for, found others in $FILES_DIR: $wrong"
sentence="$sentence; nothing was connected to; run pulumi up --refresh to make them anew"
{ printf '%s\n' "$sentence" > "${TERMINATION_LOG:-/dev/termination-log}"; } 2> /dev/null || true
printf '==> failed: %s\n' "$sentence" >&2
exit 14
