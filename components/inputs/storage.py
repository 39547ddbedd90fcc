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
    PodTemplate,
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
    """The name of the environment. If it is empty, the environment has the stack's name.
    Pulumi.STACK.yaml must say it, so that no environment runs with another one's settings."""
    take_over: OwnerId = ""
    """The owner id of the stack whose objects this stack takes over. A refusal names the id. If it
    is empty, this stack touches no object of another stack."""
    namespace: KubernetesName = "bizmatters"
    """The ServiceAccount and the Jobs are in this Kubernetes namespace."""
    manage_namespace: bool = False
    """The program creates the namespace, with Pod Security "restricted" enforced, and removes it on
    destroy."""
    name: KubernetesPrefix = "agent-executor"
    """The names of the Jobs and of their ConfigMap begin with this text."""
    manage_network_policy: bool = True
    """The program creates a NetworkPolicy. It lets the Jobs' pods reach DNS (port 53), Vault and
    PostgreSQL, and nothing else. Set it to false if the cluster has policies of its own for
    this."""
    service_account: KubernetesPrefix = "agent-executor"
    """The Jobs run as this ServiceAccount. If manageDatabase is true, the application has another
    one, with "-app" behind the name."""
    kubeconfig: Kubeconfig = ""
    """A kubeconfig as text (set it with --secret). If it is empty, the program merges the files
    that KUBECONFIG names, as kubectl does, or reads ~/.kube/config."""
    kube_context: str = ""
    """The context of the kubeconfig. If it is empty, the program uses the current context."""

    vault_address: VaultUrl = ""
    """The program reaches Vault at this URL. If it is empty, the program uses VAULT_ADDR. The token
    comes from VAULT_TOKEN, from the token helper in ~/.vault or from ~/.vault-token."""
    vault_address_in_cluster: VaultUrl = ""
    """The pods reach Vault at this URL. If it is empty, they use vaultAddress."""
    vault_ca_cert_file: CertificateFile = ""
    """A PEM file with the CA that signed Vault's certificate. If it is empty, the program uses
    VAULT_CACERT, or else the public CAs."""
    insecure_vault_http: bool = False
    """The program allows http:// in vaultAddress and vaultAddressInCluster. The network then sees
    the login token and the credential."""
    vault_namespace: VaultNamespace = ""
    """The namespace in OpenBao or Vault Enterprise. If it is empty, the program uses
    VAULT_NAMESPACE, or else the root namespace. Vault's community edition has no namespaces and
    ignores it."""
    vault_server_id: VaultId = ""
    """The identity of a Vault that has replaced the first one and has all its content. A refusal
    names the identity. If it is empty, the program expects the Vault that answered first."""
    vault_role: VaultName = "agent-executor"
    """The Jobs log in to Vault with this role of the Kubernetes auth method. The application has
    another role, with "-app" behind the name."""
    vault_policy: VaultName = "agent-executor"
    """This policy gives the Jobs their rights in Vault. The application has another policy, with
    "-app" behind the name."""
    vault_audience: Audience = "vault"
    """The role demands this audience, and the ServiceAccount token of the pod carries it."""
    vault_auth_mount: VaultPath = "kubernetes"
    """The Kubernetes auth method is mounted at this path."""
    manage_vault_auth_mount: bool = False
    """The program creates and configures the auth mount, with a token reviewer in the cluster, and
    removes it on destroy."""
    kubernetes_host_for_vault: str = ""
    """Vault reaches the Kubernetes API at this URL, if the program manages the auth mount. If it is
    empty, Vault uses the kubeconfig's server."""
    vault_kv_mount: VaultPath = "kv"
    """The KV version 2 engine is mounted at this path."""
    manage_vault_kv_mount: bool = False
    """The program creates the KV mount, and removes it with all its secrets on destroy."""
    vault_secret_path: VaultPath = "bizmatters/agent-executor/postgres"  # noqa: S105 -- a path
    """The Jobs' secret has this path below the KV mount. The application has another secret, with
    "-app" behind the path."""
    manage_secret: bool = False
    """The program writes the secret once and never again. If it is false, the secret must exist,
    with the fields host, port, database, username and password."""
    keep_secret_versions: bool = True
    """A destroy keeps the versions of a managed secret in Vault. If it is false, a destroy removes
    them for good. The value counts that was set when the program wrote the secret."""

    manage_database: bool = False
    """The program creates the database, its schema and the owner, migrator and application roles.
    It needs manageSecret."""
    database_host: str = ""
    """The pods reach PostgreSQL at this host, which the program writes into a managed secret. If it
    is empty, the program uses PGHOST."""
    database_port: Port = 0
    """The pods reach PostgreSQL at this port. 0 means PGPORT, or else 5432."""
    database_admin_host: str = ""
    """The program reaches PostgreSQL at this host, if manageDatabase is true. If it is empty, the
    program uses PGHOST, or else databaseHost."""
    database_admin_port: Port = 0
    """The program reaches PostgreSQL at this port. 0 means PGPORT, or else databasePort."""
    database_server_id: SystemId = ""
    """The identity (system_identifier) of a PostgreSQL server that has replaced the first one and
    has all its content. A refusal names the identity. If it is empty, the program expects the
    server that answered first."""
    database_name: DatabaseName = "langgraph"
    """This database holds the checkpoint tables."""
    database_username: RoleName = ""
    """The Jobs log in as this role, if the program writes the secret. If it is empty and
    manageDatabase is true, the role is the database's name with "_migrator" behind it."""
    database_password: Password = ""
    """The password of databaseUsername (set it with --secret). The program needs it if manageSecret
    is true and manageDatabase is false."""
    database_schema: DatabaseName = "public"
    """This schema holds the checkpoint tables."""
    database_owner: RoleName = ""
    """This role, which cannot log in, owns the tables. If it is empty, the owner is the database's
    name with "_owner" behind it where manageDatabase is true, or else the login role."""
    database_application_role: RoleName = ""
    """This role gets SELECT, INSERT, UPDATE and DELETE on the tables. If it is empty, the role is
    the database's name with "_app" behind it where manageDatabase is true, or else no role gets
    them."""
    database_readers: str = ""
    """These roles get SELECT on the three tables with rows and USAGE on their schema. Separate them
    with commas, such as "grafana, analytics". The roles must exist. The verification names any
    other role that has rights there, see docs/drift.md."""
    database_ca_cert_file: CertificateFile = ""
    """A PEM file with the CA that signed PostgreSQL's certificate. If it is empty, the program uses
    PGSSLROOTCERT, or else the public CAs."""
    insecure_database_ssl_mode: Literal[
        "", "disable", "allow", "prefer", "require", "verify-ca"
    ] = ""
    """A libpq sslmode below verify-full, for a database that offers no better. If it is empty, the
    mode is verify-full."""

    postgres_image: Image = "postgres:16-alpine"
    """An image with sh and PostgreSQL's clients. If the program makes dumps, the clients must be as
    new as the server."""
    vault_image: Image = "hashicorp/vault:1.15"
    """An image with sh and vault. OpenBao's image works too."""
    backoff_limit: Annotated[int, Meta(ge=0, le=20)] = 3
    """Kubernetes retries a failed pod so many times. 0 shows a fatal failure within seconds."""
    ttl_seconds_after_finished: Annotated[int, Meta(ge=60, le=10**9)] = 86400
    """A finished Job stays so many seconds. The program reads the Job's report from its pod."""
    start_seconds: Annotated[int, Meta(ge=1, le=10**6)] = 45
    """A pod may fail to start (image, quota, no node that fits, admission) for so many seconds.
    Then the program ends the Job and says the reason. The program waits for a node that is on its
    way."""
    pod_template: PodTemplate = {}
    """The program merges this object into the template of each pod, as kubectl patch does: objects
    by their keys, lists by name, and null removes. In a settings file it may be JSON too. See
    docs/pods.md."""
    timeout_seconds: Annotated[int, Meta(ge=30, le=10**6)] = 600
    """One Job may take so many seconds. Raise the number before an index build on a large table."""
    verify: Literal["onChange", "always"] = "onChange"
    """The program verifies the schema at these times. With onChange it does so after another
    migration Job or another setting of the Job. With always it does so on every pulumi up, and a
    preview shows one replacement."""
    allow_data_loss: bool = False
    """A pulumi destroy may drop tables that hold rows."""
    rollback_backup_claim: Claim = ""
    """This claim in the namespace gets a dump of the tables before a destroy with allowDataLoss
    drops them. If it is empty, there is no such dump."""

    application_replicas: Annotated[int, Meta(ge=1, le=10**6)] = 1
    """So many pods of the application run at the same time at most, with those of a rolling update.
    The output connection depends on the number."""
    application_max_connections: Annotated[int, Meta(ge=1, le=10**6)] = 80
    """All these pods together may open so many connections. Start from max_connections of
    PostgreSQL or of the pooler, and subtract what the Jobs, monitoring and people need."""
    application_behind_pooler: bool = False
    """The application reaches PostgreSQL through a pooler that lends a server connection for one
    transaction, such as PgBouncer. The application then prepares no statements."""
    application_setup: bool = False
    """The setup() of an unchanged application passes and changes nothing. The migration makes a
    schema for it, named databaseSchema with "_setup" behind it. If it is false, the migration drops
    this schema, see docs/application.md."""

    backup_schedule: Schedule = ""
    """A CronJob dumps the tables at these times, in five fields of cron. The time zone is UTC, if
    the cluster has no other. If it is empty, there are no scheduled dumps."""
    backup_claim: Claim = ""
    """The scheduled dumps go to this claim in the namespace, if backupBucket is empty. The claim
    outlives the environment."""
    backup_claim_size: ClaimSize = ""
    """The program creates backupClaim with this size, such as 20Gi, and leaves it on destroy. If it
    is empty, the claim must exist."""
    backup_bucket: Bucket = ""
    """The scheduled dumps go to this S3-compatible bucket in place of a claim. A prefix may stand
    behind a slash. The bucket's key is a secret at vaultSecretPath with "-backup" behind it, with
    the fields accessKeyId and secretAccessKey."""
    backup_bucket_endpoint: BucketEndpoint = ""
    """The pods reach the bucket's server at this URL. If it is empty, they use AWS."""
    backup_bucket_region: BucketRegion = ""
    """The region of the bucket. If it is empty, the server's default counts."""
    backup_bucket_ca_cert_file: CertificateFile = ""
    """A PEM file with the CA that signed the certificate of the bucket's server. If it is empty,
    the pods use the public CAs."""
    rclone_image: Image = "rclone/rclone:1.76"
    """An image with sh and rclone, for backupBucket."""
    backup_keep_days: Days = 14
    """A scheduled dump stays so many days. The newest dump always stays."""
    backup_timeout_seconds: Annotated[int, Meta(ge=60, le=10**6)] = 3600
    """One dump or one restore drill may take so many seconds."""
    backup_memory: Memory = "1Gi"
    """The container of a dump or of a restore drill may take so much memory. A large row needs some
    eight times its largest value. It counts for the dump before a rollback too."""
    restore_drill_schedule: Schedule = ""
    """A CronJob restores the newest dump into a scratch database, verifies it and drops it, at
    these times in five fields of cron. If manageDatabase is true, the Jobs' role may then create
    databases. If it is empty, there are no drills."""

    retention_schedule: Schedule = ""
    """A CronJob prunes idle threads and deletes old threads at these times, in five fields of cron.
    The time zone is UTC, if the cluster has no other. If it is empty, nothing is pruned or
    deleted."""
    retention_keep_latest_after_days: DaysOrNever = 0
    """A thread whose newest checkpoint is so many days old keeps only the newest checkpoint of each
    namespace, as with PostgresSaver.prune. 0 means never."""
    retention_delete_threads_after_days: DaysOrNever = 0
    """The CronJob deletes a thread whose newest checkpoint is so many days old. 0 means never."""
    retention_delete_orphans: bool = False
    """The CronJob also deletes what another clean-up left behind in the threads that it prunes:
    writes without a checkpoint, and blobs that no checkpoint needs. If it is false, the CronJob
    only counts them."""
    retention_dry_run: bool = False
    """The CronJob says what it would delete, and deletes nothing."""
    retention_timeout_seconds: Annotated[int, Meta(ge=180, le=10**6)] = 3600
    """One run of retention may take so many seconds. The next run goes on where it ended."""

    monitoring: bool = False
    """The program publishes ConfigMaps with queries for sql_exporter and CloudNativePG, alert rules
    and a Grafana dashboard."""
    monitoring_prometheus_rule: bool = False
    """The program also creates the alert rules as a PrometheusRule. The Prometheus operator must be
    installed."""
    monitoring_rule_label: RuleLabel = ""
    """The operator's Prometheus selects rules by this label, such as release=kube-prometheus-stack.
    If it is empty, the rules have no such label."""
    monitoring_bytes_limit: Annotated[int, Meta(ge=0, le=10**18)] = 0
    """The tables may take so many bytes, with indexes and TOAST. The forecast and its alerts depend
    on the number. 0 means no limit."""
    monitoring_forecast_days: Annotated[int, Meta(ge=1, le=365)] = 14
    """An alert fires if the forecast reaches the limit within so many days."""
    monitoring_verification_days: Days = 30
    """An alert fires if nobody has verified the schema for so many days."""
    monitoring_retention_hours: Hours = 26
    """An alert fires if the retention CronJob has not succeeded for so many hours. Choose more
    hours than its period has."""
    monitoring_backup_hours: Hours = 26
    """An alert fires if the backup CronJob has not succeeded for so many hours. Choose more hours
    than its period has."""
