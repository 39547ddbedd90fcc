# What whoever runs `pulumi up` of the dev environment needs in Vault; other names, other paths.
path "sys/policies/acl/agent-executor*" {
  capabilities = ["create", "read", "update", "delete"]
}

path "auth/kubernetes/role/agent-executor*" {
  capabilities = ["create", "read", "update", "delete"]
}

# manageSecret
path "kv/data/bizmatters/agent-executor/postgres*" {
  capabilities = ["create", "read", "update", "delete"]
}

path "kv/metadata/bizmatters/agent-executor/postgres*" {
  capabilities = ["read", "delete"]
}

# manageDatabase: the passwords are drawn here
path "sys/tools/random/32" {
  capabilities = ["update"]
}

# manageVaultKvMount; the provider finds a mount in the list of all
path "sys/mounts" {
  capabilities = ["read"]
}

path "sys/mounts/kv" {
  capabilities = ["create", "read", "update", "delete", "sudo"]
}

# manageVaultAuthMount
path "sys/auth" {
  capabilities = ["read"]
}

path "sys/auth/kubernetes" {
  capabilities = ["create", "read", "update", "delete", "sudo"]
}

# The official provider reads a mount and its settings here too.
path "sys/mounts/auth/kubernetes" {
  capabilities = ["read"]
}

path "sys/mounts/auth/kubernetes/tune" {
  capabilities = ["read"]
}

path "auth/kubernetes/config" {
  capabilities = ["create", "read", "update", "delete"]
}
