
audit "file" "file" {
  options = {
    file_path = "$audit/vault.log"
  }
}
