# Reads one secret and nothing beside it; "data" is how KV version 2 spells the path of a read.
path "${kv_mount}/data/${secret_path}" {
  capabilities = ["read"]
}

# An agent of Vault before 1.16.3 that may not renew its token tries again without a pause, and spends
# the token's uses (GH-26844). The role's time limit holds for a renewed token too.
path "auth/token/renew-self" {
  capabilities = ["update"]
}

# vault-init ends its own token after the read; without the default policy it needs to be told so.
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
