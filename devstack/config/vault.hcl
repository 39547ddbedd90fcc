ui           = false
api_addr     = "https://$host:$vault_port"
cluster_addr = "https://$loopback:8201"

storage "raft" {
  path    = "$folder/vault/data"
  node_id = "devstack"
  # the shortest election there is: a single server waits for nobody
  performance_multiplier = 1
}

listener "tcp" {
  address         = "$host:$vault_port"
  cluster_address = "$loopback:8201"
  tls_cert_file   = "$pki/vault.crt"
  tls_key_file    = "$pki/vault.key"
}
