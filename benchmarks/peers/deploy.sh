#!/bin/sh
# Deploys by hand what `pulumi up` deploys, from the files that benchmarks/reference.py rendered into
# the current directory: as few commands as there can be, and no pause between them.
set -eu
: "${NAMESPACE:?}" "${MIGRATION:?}" "${VERIFICATION:?}" "${REVIEWER:?}" "${AUTH_MOUNT:?}"
: "${KUBERNETES_HOST:?}" "${KV_MOUNT:?}" "${DATABASE:?}" "${OWNER:?}" "${MIGRATOR:?}"
: "${MIGRATOR_PASSWORD:?}" "${APPLICATION:?}" "${APPLICATION_PASSWORD:?}" "${SCHEMA:?}"

kubectl apply --filename=cluster.json

psql --no-psqlrc --quiet --file="${0%/*}/database.sql"

bao auth enable -path="$AUTH_MOUNT" kubernetes
bao secrets enable -path="$KV_MOUNT" -version=2 kv
for file in policies/*.hcl; do
    name=${file##*/}
    bao policy write "${name%.hcl}" "$file"
done
for file in roles/*.json; do
    name=${file##*/}
    bao write "auth/$AUTH_MOUNT/role/${name%.json}" "@$file"
done

# The control plane fills the reviewer's token in; by now it is there.
kubectl wait --namespace="$NAMESPACE" --for='jsonpath={.data.token}' --timeout=60s "secret/$REVIEWER"
reviewer=$(kubectl get secret --namespace="$NAMESPACE" "$REVIEWER" \
    --output='jsonpath={.data.token} {.data.ca\.crt}')
bao write "auth/$AUTH_MOUNT/config" kubernetes_host="$KUBERNETES_HOST" disable_iss_validation=true \
    token_reviewer_jwt="$(echo "${reviewer% *}" | base64 -d)" \
    kubernetes_ca_cert="$(echo "${reviewer#* }" | base64 -d)"
find secrets -name '*.json' | while read -r file; do
    path=${file#secrets/}
    bao kv put -mount="$KV_MOUNT" -cas=0 "${path%.json}" "@$file"
done

kubectl apply --filename=migration.json
kubectl wait --namespace="$NAMESPACE" --for=condition=Complete --timeout=120s "job/$MIGRATION"
kubectl apply --filename=verification.json
kubectl wait --namespace="$NAMESPACE" --for=condition=Complete --timeout=120s "job/$VERIFICATION"
kubectl get pods --namespace="$NAMESPACE" --selector="batch.kubernetes.io/job-name=$VERIFICATION" \
    --output='jsonpath={.items[*].status.containerStatuses[*].state.terminated.message}'
