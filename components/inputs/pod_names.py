"""What the program's pods hold by name, which a pod template may not take for itself."""

CONTAINERS = (
    "vault-init",
    "migrate",
    "verify",
    "rollback",
    "backup",
    "dump",
    "upload",
    "download",
    "restore",
    "retention",
)
# In place of a name: every one of these containers.
EVERY_CONTAINER = "*"
VOLUMES = ("credentials", "tmp", "files", "token", "bucket", "dump", "backup")
LABELS = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/managed-by",
    "sidecar.istio.io/inject",
)
ANNOTATIONS = (
    "sidecar.istio.io/inject",
    "linkerd.io/inject",
    "langgraph-checkpoint/migration-uid",
)
# What libpq, Vault's and OpenBao's agent, rclone and the loader read, beside the scripts.
VARIABLE_PREFIXES = ("PG", "VAULT_", "BAO_", "RCLONE_", "BACKUP_", "LD_")
VARIABLES = (
    "AGENT_CONFIG",
    "ALLOW_DATA_LOSS",
    "APPLICATION_SETUP",
    "APP_ROLE",
    "BRIEF_SECONDS",
    "CREDENTIALS_DIR",
    "DEADLINE_SECONDS",
    "DELETE_ORPHANS",
    "DELETE_THREADS_AFTER_DAYS",
    "DRY_RUN",
    "DUMP_SETTING",
    "ENV",
    "FILES_DIR",
    "FILES_SHA256",
    "GRACE_SECONDS",
    "HOME",
    "KEEP_LATEST_AFTER_DAYS",
    "MIGRATIONS_DIR",
    "MOST_AT_ONCE",
    "NO_COLOR",
    "OWNER_ROLE",
    "OWNS_DATABASE",
    "PATH",
    "PROGRESS_SECONDS",
    "READER_ROLES",
    "RENDERED_FILE",
    "SCHEMA",
    "SECRET_FIELDS",
    "SECRET_PATH",
    "SERVER_ID",
    "TERMINATION_LOG",
    "TMPDIR",
    "TOKEN_FILE",
)
