#!/bin/sh
# bucket.sh upload|download: takes the dump of BACKUP_DIR to an S3-compatible bucket and removes what
# it took there more than BACKUP_KEEP_DAYS days ago; or fetches the newest dump from there.
# Exit status: 0 done, 10 refused, 11 credentials or rights, 12 the bucket is away, 13 another
# error, 143 stopped by a signal.
# Environment: BACKUP_BUCKET (bucket/prefix) BACKUP_DIR BACKUP_NAME BACKUP_REPORT BACKUP_KEEP_DAYS
# TERMINATION_LOG, and rclone's own: RCLONE_CONFIG names the file with the key.
set -u
umask 077

direction=${1:-}
folder=${BACKUP_DIR:-/backup}
name=${BACKUP_NAME:-checkpoints}
remote=bucket:$BACKUP_BUCKET
place=s3://$BACKUP_BUCKET
termination_log=${TERMINATION_LOG:-/dev/termination-log}
# Never make the bucket, and tell within a minute that it is away.
export RCLONE_S3_NO_CHECK_BUCKET=true RCLONE_CONTIMEOUT=5s RCLONE_TIMEOUT=60s RCLONE_RETRIES=3

finish() {
    status=$1
    shift
    sentence=$(printf '%s' "$*" | tr '\n' ' ' | cut -c 1-2000)
    { printf '%s\n' "$sentence" > "$termination_log"; } 2> /dev/null || true
    printf '==> bucket: %s\n' "$sentence"
    exit "$status"
}

child=
# shellcheck disable=SC2329  # the trap below calls it
stop() {
    trap '' TERM INT
    [ -z "$child" ] || kill "$child" 2> /dev/null
    finish 143 "stopped by a signal before the $direction was complete; nothing was removed"
}

# In the background, since a shell answers a signal only between two commands.
run() {
    rclone "$@" > "$work/output" 2> "$work/errors" &
    child=$!
    wait "$child"
    code=$?
    child=
    return "$code"
}

fail() {
    text=$(sed -n 's/^.* \(NOTICE\|CRITICAL\): //p' "$work/errors" | tail -n 1)
    text=${text:-$(tail -n 1 "$work/errors")}
    case $text in
        *'StatusCode: 403'* | *AccessDenied* | *InvalidAccessKeyId* | *SignatureDoesNotMatch* | *x509:*)
            finish 11 "credentials or rights of $place: $text"
            ;;
        *'directory not found'* | *NoSuchBucket*) finish 10 "expected the bucket of $place, found none" ;;
        *'connection refused'* | *'no such host'* | *timeout* | *'StatusCode: 5'* | *'StatusCode: 0'*)
            finish 12 "gave up on $place: $text"
            ;;
        *) finish 13 "$place: $text" ;;
    esac
}

# Prints the dumps of this environment in a list of names, oldest first.
ours() {
    while IFS= read -r found; do
        stamp=${found#"$name-"}
        [ "$stamp" = "$found" ] || printf '%s' "${stamp%.dump}.dump $found" |
            grep -Ex '[0-9]{8}T[0-9]{6}Z\.dump .*Z\.dump' | cut -d ' ' -f 2-
    done < "$1" | sort
}

# An S3 object is there when it is whole; its size is asked for all the same.
compare_size() { # FILE
    run lsf --format s "$remote/$1" || fail
    [ "$(cat "$work/output")" = "$(($(wc -c < "$folder/$1")))" ] || finish 13 \
        "expected $(wc -c < "$folder/$1") bytes of $1 in $place, found $(cat "$work/output")"
}

upload() {
    ls "$folder" > "$work/made"
    file=$(ours "$work/made" | tail -n 1)
    [ -n "$file" ] || finish 10 "expected a dump in $folder, found none"
    run copyto "$folder/$file" "$remote/$file" || fail
    compare_size "$file"
    removed=0
    oldest=$name-$(date -u -d "@$(($(date +%s) - BACKUP_KEEP_DAYS * 86400))" +%Y%m%dT%H%M%SZ).dump
    run lsf --files-only "$remote" || fail
    cp "$work/output" "$work/there"
    ours "$work/there" > "$work/ours"
    while IFS= read -r old; do
        [ "$old" != "$file" ] || continue
        expr "x$old" '<' "x$oldest" > /dev/null || continue
        run deletefile "$remote/$old" || fail
        removed=$((removed + 1))
    done < "$work/ours"
    finish 0 "dumped $(cat "$BACKUP_REPORT") to $file in $place; removed $removed older than" \
        "$BACKUP_KEEP_DAYS days, $(($(wc -l < "$work/ours") - removed)) are there"
}

download() {
    run lsf --files-only "$remote" || fail
    cp "$work/output" "$work/there"
    file=$(ours "$work/there" | tail -n 1)
    [ -n "$file" ] || finish 10 "expected a dump of $name in $place, found none"
    run copyto "$remote/$file" "$folder/$file" || fail
    compare_size "$file"
    finish 0 "downloaded $file ($(wc -c < "$folder/$file") bytes) from $place"
}

work=$(mktemp -d) || exit 13
trap 'rm -rf "$work"' EXIT
trap stop TERM INT
case $direction in
    upload | download) "$direction" ;;
    *) finish 13 "expected upload or download as the argument, found '$direction'" ;;
esac
