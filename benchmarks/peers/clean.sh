#!/bin/sh
# Removes what deploy.sh deployed.
set -eu
: "${AUTH_MOUNT:?}" "${KV_MOUNT:?}"

kubectl delete --filename=cluster.json --ignore-not-found
bao auth disable "$AUTH_MOUNT"
bao secrets disable "$KV_MOUNT"
for file in policies/*.hcl; do
    name=${file##*/}
    bao policy delete "${name%.hcl}"
done
psql --no-psqlrc --quiet --file="${0%/*}/drop.sql"
