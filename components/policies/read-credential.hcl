# Reads one secret and nothing beside it; "data" is how KV version 2 spells the path of a read.
path "${kv_mount}/data/${secret_path}" {
  capabilities = ["read"]
}

# vault-init ends its own token after the read; without the default policy it needs to be told so.
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
