"""All inputs of CheckpointStorage, which are the settings of an environment.

Each input is said here once: its name, its kind with a rule, its default, and what it is for. The
configuration of the program (Pulumi.yaml), the schema of the hosted component and the pages of
docs/ are written from these lines.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .kinds import (
    Audience,
    Bucket,
    BucketEndpoint,
    BucketRegion,
    CertificateFile,
    Claim,
    ClaimSize,
    DatabaseName,
    Days,
    DaysOrNever,
    Environment,
    Hours,
    Image,
    Kubeconfig,
    KubernetesName,
    KubernetesPrefix,
    Memory,
    OwnerId,
    Password,
    Port,
    RoleName,
    RuleLabel,
    Schedule,
    SystemId,
    VaultId,
    VaultName,
    VaultNamespace,
    VaultPath,
    VaultUrl,
)


class CheckpointStorageArgs(Struct, frozen=True, kw_only=True, rename="camel"):
    """Inputs of CheckpointStorage; whatever is not given has its default."""

    environment: Environment = ""
    """Name of the environment. Empty means the stack's name. A file Pulumi.STACK.yaml must say it
    all the same, so that no environment runs on another one's settings."""
    take_over: OwnerId = ""
    """Owner id of the stack whose objects this one takes over, as a refusal names it. Empty means
    that nothing of another stack is touched."""
    namespace: KubernetesName = "bizmatters"
    """Kubernetes namespace of the ServiceAccount and the Jobs."""
    manage_namespace: bool = False
    """Create the namespace, with Pod Security "restricted" enforced, and remove it on destroy."""
    name: KubernetesPrefix = "agent-executor"
    """Prefix of the Jobs and of their ConfigMap."""
    manage_network_policy: bool = True
    """Create a NetworkPolicy that leaves the Jobs' pods DNS (port 53), Vault and PostgreSQL. Set it
    to false where the cluster's own policies do that."""
    service_account: KubernetesPrefix = "agent-executor"
    """ServiceAccount of the Jobs. The application's is this name with "-app" behind it, where
    manageDatabase is true."""
    kubeconfig: Kubeconfig = ""
    """Kubeconfig as text (set it with --secret). Empty means the files that KUBECONFIG names,
    merged as kubectl does, then ~/.kube/config."""
    kube_context: str = ""
    """Context of the kubeconfig. Empty means its current one."""

    vault_address: VaultUrl = ""
    """URL of Vault as this program reaches it. Empty means VAULT_ADDR. The token is that of
    VAULT_TOKEN, of the token helper in ~/.vault or of ~/.vault-token."""
    vault_address_in_cluster: VaultUrl = ""
    """URL of Vault as pods reach it. Empty means vaultAddress."""
    vault_ca_cert_file: CertificateFile = ""
    """PEM file of the CA that signed Vault's certificate. Empty means VAULT_CACERT, then the public
    CAs."""
    insecure_vault_http: bool = False
    """Let vaultAddress and vaultAddressInCluster begin with http://, which shows login token and
    credential to the network."""
    vault_namespace: VaultNamespace = ""
    """Namespace of OpenBao or Vault Enterprise. Empty means VAULT_NAMESPACE, then the root
    namespace. Vault's community edition has none and ignores the setting."""
    vault_server_id: VaultId = ""
    """Identity of a Vault that has taken the first one's place with all that was in it, as the
    refusal names it. Empty means the first one that answered."""
    vault_role: VaultName = "agent-executor"
    """Kubernetes-auth role of the Jobs. The application's has "-app" behind it."""
    vault_policy: VaultName = "agent-executor"
    """Policy of the Jobs. The application's has "-app" behind it."""
    vault_audience: Audience = "vault"
    """Audience that the role demands and that the projected ServiceAccount token carries."""
    vault_auth_mount: VaultPath = "kubernetes"
    """Mount of the Kubernetes auth method."""
    manage_vault_auth_mount: bool = False
    """Create and configure the auth mount, with a token reviewer in the cluster, and remove it on
    destroy."""
    kubernetes_host_for_vault: str = ""
    """URL of the Kubernetes API as Vault reaches it, for a managed auth mount. Empty means the
    kubeconfig's server."""
    vault_kv_mount: VaultPath = "kv"
    """Mount of the KV version 2 engine."""
    manage_vault_kv_mount: bool = False
    """Create the KV mount, and remove it with all its secrets on destroy."""
    vault_secret_path: VaultPath = "bizmatters/agent-executor/postgres"  # noqa: S105 -- a path
    """Path of the Jobs' secret below the KV mount. The application's has "-app" behind it."""
    manage_secret: bool = False
    """Write the secret once and never again. Without it the secret must be there, with the fields
    host, port, database, username and password."""
    keep_secret_versions: bool = True
    """Keep a managed secret's versions in Vault on destroy, as its soft delete does; false removes
    them for good. This is decided when the secret is written."""

    manage_database: bool = False
    """Create the database, its schema and the owner, migrator and application roles. It needs
    manageSecret."""
    database_host: str = ""
    """PostgreSQL host as pods reach it, which is written into a managed secret. Empty means
    PGHOST."""
    database_port: Port = 0
    """PostgreSQL port as pods reach it. 0 means PGPORT, then 5432."""
    database_admin_host: str = ""
    """PostgreSQL host as this program reaches it, where manageDatabase is true. Empty means PGHOST,
    then databaseHost."""
    database_admin_port: Port = 0
    """PostgreSQL port as this program reaches it. 0 means PGPORT, then databasePort."""
    database_server_id: SystemId = ""
    """Identity (system_identifier) of a PostgreSQL server that has taken the first one's place with
    all that was in it, as the refusal names it. Empty means the first one that answered."""
    database_name: DatabaseName = "langgraph"
    """Database that holds the checkpoint tables."""
    database_username: RoleName = ""
    """Login role of the Jobs for a managed secret. Empty means the database's name with "_migrator"
    behind it, where manageDatabase is true."""
    database_password: Password = ""
    """Password of databaseUsername (set it with --secret). It is needed where manageSecret is true
    and manageDatabase is false."""
    database_schema: DatabaseName = "public"
    """Schema of the checkpoint tables."""
    database_owner: RoleName = ""
    """NOLOGIN role that owns the tables. Empty means the database's name with "_owner" behind it
    where manageDatabase is true, else the login role."""
    database_application_role: RoleName = ""
    """Role that gets SELECT, INSERT, UPDATE and DELETE on the tables. Empty means the database's
    name with "_app" behind it where manageDatabase is true, else nobody."""
    database_readers: str = ""
    """Roles that get SELECT on the three tables with rows and USAGE on their schema, with commas
    between, such as "grafana, analytics". They must exist. The verification names any other role
    that may do something there, see docs/drift.md."""
    database_ca_cert_file: CertificateFile = ""
    """PEM file of the CA that signed PostgreSQL's certificate. Empty means PGSSLROOTCERT, then the
    public CAs."""
    insecure_database_ssl_mode: Literal[
        "", "disable", "allow", "prefer", "require", "verify-ca"
    ] = ""
    """A libpq sslmode below verify-full, for a database that cannot do better. Empty means
    verify-full."""

    postgres_image: Image = "postgres:16-alpine"
    """Image with sh and PostgreSQL's clients, no older than the server where dumps are asked
    for."""
    vault_image: Image = "hashicorp/vault:1.15"
    """Image with sh and vault. OpenBao's image works too."""
    backoff_limit: Annotated[int, Meta(ge=0, le=20)] = 3
    """How often Kubernetes retries a failed pod. 0 shows a fatal failure within seconds."""
    ttl_seconds_after_finished: Annotated[int, Meta(ge=60, le=10**9)] = 86400
    """Seconds that a finished Job stays, at least 60, since its report is read from its pod."""
    start_seconds: Annotated[int, Meta(ge=1, le=10**6)] = 45
    """Seconds that a pod may fail to start (image, quota, no node that fits, admission) before its
    Job is ended with the reason. A node on its way is waited for."""
    timeout_seconds: Annotated[int, Meta(ge=30, le=10**6)] = 600
    """Seconds that one Job may take, at least 30. Raise it before an index build on a large
    table."""
    verify: Literal["onChange", "always"] = "onChange"
    """When the schema is verified. onChange means after another migration Job or changed settings
    of the Job. always means on every pulumi up, which a preview shows as one replacement."""
    allow_data_loss: bool = False
    """Let pulumi destroy drop tables that hold rows."""
    rollback_backup_claim: Claim = ""
    """PersistentVolumeClaim in the namespace that gets a dump of the tables before a destroy with
    allowDataLoss drops them. Empty means no dump."""

    application_replicas: Annotated[int, Meta(ge=1, le=10**6)] = 1
    """The most pods of the application that run at the same time, those of a rolling update
    included. The output connection is made of it."""
    application_max_connections: Annotated[int, Meta(ge=1, le=10**6)] = 80
    """Connections that these pods together may open: max_connections of PostgreSQL or of the
    pooler, less what the Jobs, monitoring and people need."""
    application_behind_pooler: bool = False
    """The application reaches PostgreSQL through a pooler that lends a server connection for one
    transaction, such as PgBouncer. No statement is prepared then."""

    backup_schedule: Schedule = ""
    """When a CronJob dumps the tables, in five fields of cron, UTC unless the cluster says
    otherwise. Empty means never."""
    backup_claim: Claim = ""
    """PersistentVolumeClaim in the namespace that the scheduled dumps go to, unless backupBucket is
    set. It outlives the environment."""
    backup_claim_size: ClaimSize = ""
    """Size of backupClaim, such as 20Gi, to create it and to leave it on destroy. Empty means that
    it is there."""
    backup_bucket: Bucket = ""
    """S3-compatible bucket that the scheduled dumps go to in place of a claim, with a prefix behind
    a slash if wanted. Its key is the secret vaultSecretPath with "-backup" behind it, with the
    fields accessKeyId and secretAccessKey."""
    backup_bucket_endpoint: BucketEndpoint = ""
    """URL of the bucket's server as pods reach it. Empty means AWS."""
    backup_bucket_region: BucketRegion = ""
    """Region of the bucket. Empty means the server's default."""
    backup_bucket_ca_cert_file: CertificateFile = ""
    """PEM file of the CA that signed the bucket server's certificate. Empty means the public
    CAs."""
    rclone_image: Image = "rclone/rclone:1.76"
    """Image with sh and rclone, for backupBucket."""
    backup_keep_days: Days = 14
    """Days that a scheduled dump stays. The newest one always does."""
    backup_timeout_seconds: Annotated[int, Meta(ge=60, le=10**6)] = 3600
    """Seconds that one dump or one restore drill may take."""
    backup_memory: Memory = "1Gi"
    """Memory that the container of a dump (scheduled, or before a rollback) or of a restore drill
    may take, some eight times the largest value."""
    restore_drill_schedule: Schedule = ""
    """When a CronJob restores the newest dump into a scratch database, verifies it and drops it, in
    five fields of cron. It lets the Jobs' role create databases where manageDatabase is true. Empty
    means never."""

    retention_schedule: Schedule = ""
    """When a CronJob prunes idle threads and deletes old ones, in five fields of cron, UTC unless
    the cluster says otherwise. Empty means never."""
    retention_keep_latest_after_days: DaysOrNever = 0
    """Days after its newest checkpoint that a thread keeps only the newest checkpoint of each
    namespace, as PostgresSaver.prune does. 0 means never."""
    retention_delete_threads_after_days: DaysOrNever = 0
    """Days after its newest checkpoint that a whole thread is deleted. 0 means never."""
    retention_delete_orphans: bool = False
    """Delete what a clean-up of somebody else left of threads that retentionKeepLatestAfterDays
    prunes: writes without a checkpoint, and blobs that none needs. Without it they are only
    counted."""
    retention_dry_run: bool = False
    """Have the CronJob say what it would delete, and delete nothing."""
    retention_timeout_seconds: Annotated[int, Meta(ge=180, le=10**6)] = 3600
    """Seconds that one run of retention may take. The next one goes on where it ended."""

    monitoring: bool = False
    """Publish ConfigMaps with the queries for sql_exporter and CloudNativePG, alert rules and a
    Grafana dashboard."""
    monitoring_prometheus_rule: bool = False
    """Create the alert rules as a PrometheusRule too. The Prometheus operator must be installed."""
    monitoring_rule_label: RuleLabel = ""
    """Label by which the operator's Prometheus selects rules, such as
    release=kube-prometheus-stack. Empty means none."""
    monitoring_bytes_limit: Annotated[int, Meta(ge=0, le=10**18)] = 0
    """Bytes that the tables may take with indexes and TOAST, for the forecast and its alerts. 0
    means no limit."""
    monitoring_forecast_days: Annotated[int, Meta(ge=1, le=365)] = 14
    """Alert when the limit is forecast to be reached within so many days."""
    monitoring_verification_days: Days = 30
    """Alert when the schema was not verified for so many days."""
    monitoring_retention_hours: Hours = 26
    """Alert when the retention CronJob did not succeed for so many hours, more than its period."""
    monitoring_backup_hours: Hours = 26
    """Alert when the backup CronJob did not succeed for so many hours, more than its period."""
