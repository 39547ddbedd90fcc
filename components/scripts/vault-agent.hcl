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
      token_path = "${token_file}"
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
*:*:*:*:{{ .Data.data.password | replaceAll "\\" "\\\\" | replaceAll ":" "\\:" }}
{{ end -}}
EOT
}

# Rendered last: the agent also exits 0 when a signal ends it, so this file is the proof of success.
template {
  destination = "${credentials_dir}/.rendered"
  perms       = "0400"
  contents    = "{{ with secret \"${secret_path}\" }}rendered{{ end }}"
}
