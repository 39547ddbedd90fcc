# One login, one read, then the agent exits. Address, CA and namespace come from VAULT_* variables.
exit_after_auth = true
log_level       = "warn"

vault {
  retry {
    num_retries = 1
  }
}

auto_auth {
  method {
    type        = "kubernetes"
    mount_path  = "auth/${auth_mount}"
    exit_on_err = true

    config = {
      role       = "${role}"
      token_path = "${credentials_dir}/.login"
    }
  }

  sink {
    type = "file"

    config = {
      path = "${credentials_dir}/.vault-token"
      mode = 0400
    }
  }
}

template_config {
  exit_on_retry_failure = true
}

template {
  destination          = "${credentials_dir}/pg_service.conf"
  perms                = "0400"
  error_on_missing_key = true

  contents = <<EOT
{{- with secret "${secret_path}" -}}
{{- if not (sprig_hasKey .Data "metadata") -}}
{{ sprig_fail "the mount is KV version 1; vaultKvMount must name one of version 2" }}
{{- end -}}
{{- $$fields := .Data.data -}}
{{- if not (sprig_kindIs "map" $$fields) }}{{ sprig_fail "the secret's newest version was destroyed; write another" }}{{ end -}}
{{- range sprig_list "host" "port" "database" "username" "password" -}}
{{- if not (sprig_hasKey $$fields .) }}{{ sprig_fail (printf "the secret has no field %q" .) }}{{ end -}}
{{- if not (sprig_kindIs "string" (index $$fields .)) -}}
{{ sprig_fail (printf "the secret's field %q is not text" .) }}
{{- end -}}
{{- /* Vault keeps what is no UTF-8 as U+FFFD; the others libpq's files cannot hold. */ -}}
{{- if index $$fields . | sprig_toString | regexMatch "[\n\r\x00\ufffd]" -}}
{{ sprig_fail (printf "the secret's field %q holds a line break, a NUL or what is no UTF-8" .) }}
{{- end -}}
{{- end -}}
[checkpoint]
host={{ .Data.data.host }}
port={{ .Data.data.port }}
dbname={{ .Data.data.database }}
user={{ .Data.data.username }}
{{ end -}}
EOT
}

# libpq's password file knows two escapes: a backslash before a backslash and before a colon.
template {
  destination          = "${credentials_dir}/pgpass"
  perms                = "0400"
  error_on_missing_key = true

  contents = <<EOT
{{- with secret "${secret_path}" -}}
*:*:*:*:{{ .Data.data.password | sprig_toString | replaceAll "\\" "\\\\" | replaceAll ":" "\\:" }}
{{ end -}}
EOT
}

# Rendered last: the agent also exits 0 when a signal ends it, so this file is the proof of success.
template {
  destination = "${credentials_dir}/.rendered"
  perms       = "0400"
  contents    = "{{ with secret \"${secret_path}\" }}rendered{{ end }}"
}
