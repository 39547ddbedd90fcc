
# Behind vault-agent.hcl: the key of the bucket, as rclone's own file. Its format knows no quoting,
# so a field holds what keys are made of and nothing else.
template {
  destination          = "${bucket_dir}/rclone.conf"
  perms                = "0400"
  error_on_missing_key = true

  contents = <<EOT
{{- with secret "${bucket_path}" -}}
{{- $$fields := .Data.data -}}
{{- range sprig_list "accessKeyId" "secretAccessKey" -}}
{{- if not (sprig_hasKey $$fields .) }}{{ sprig_fail (printf "the secret has no field %q" .) }}{{ end -}}
{{- if not (index $$fields . | sprig_toString | regexMatch "^[A-Za-z0-9_/+=.~-]+$$") -}}
{{ sprig_fail (printf "the secret's field %q is no key of a bucket" .) }}
{{- end -}}
{{- end -}}
[bucket]
type = s3
access_key_id = {{ .Data.data.accessKeyId }}
secret_access_key = {{ .Data.data.secretAccessKey }}
{{ end -}}
EOT
}

# The proof of success is rendered last, and here it needs both secrets.
template {
  destination = "${credentials_dir}/.rendered-both"
  perms       = "0400"
  contents    = "{{ with secret \"${secret_path}\" }}{{ with secret \"${bucket_path}\" }}rendered{{ end }}{{ end }}"
}
