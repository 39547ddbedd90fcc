import json
from typing import Any

import pulumi
import pytest
from msgspec.structs import replace

from components.checkpoint_storage import CheckpointStorage
from components.inputs.checks import InputsError, for_component
from components.inputs.reading import as_given
from components.kubernetes.files import unpacked
from components.ownership.annotations import OWNER
from components.ownership.check import OwnershipCheck
from components.settings.settings import load as load_settings

KUBECONFIG = """
current-context: here
contexts: [{name: here, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"}}]
"""
PEM = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
ENVIRON = {
    "KUBECONFIG": "/no/such/file",
    "VAULT_ADDR": "https://10.0.0.1:8200",
    "PGHOST": "10.0.0.1",
}
DEV = {
    "environment": "dev",
    "manageNamespace": True,
    "manageVaultAuthMount": True,
    "manageVaultKvMount": True,
    "kubernetesHostForVault": "https://10.0.0.1:6443",
    "manageDatabase": True,
    "manageSecret": True,
}
EVERY_PART = {
    "manageNamespace": False,
    "backupSchedule": "30 2 * * *",
    "backupClaim": "dumps",
    "backupClaimSize": "20Gi",
    "restoreDrillSchedule": "0 4 * * 0",
    "retentionSchedule": "30 3 * * *",
    "retentionDeleteThreadsAfterDays": 365,
    "monitoring": True,
    "monitoringPrometheusRule": True,
}
JOBS = ("migration", "verification")


@pytest.fixture
def storage(configure, declare):
    """Declare the storage for some settings; the password of the mocked draw is "drawn"."""

    def run(**values: Any):
        return recorded(configure, declare, **values).declared

    return run


def recorded(configure, declare, **values: Any):
    configure(**values)
    args = load_settings(ENVIRON)
    return declare(lambda: CheckpointStorage("checkpoints", args))


def container(resources, job: str) -> dict[str, Any]:
    return resources[job].inputs["spec"]["template"]["spec"]["containers"][0]


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container["env"]}


def test_dev_declares_exactly_these_resources(storage) -> None:
    assert set(storage(**DEV)) == {
        "CheckpointStorage checkpoints",
        "DataGuard checkpoints-guard",
        "Ownership checkpoints-ownership",
        "Namespace checkpoints-namespace",
        "KubernetesAuthMount checkpoints-auth",
        "ServiceAccount checkpoints-auth-reviewer",
        "ClusterRoleBinding checkpoints-auth-reviewer",
        "Secret checkpoints-auth-reviewer",
        "AuthBackend checkpoints-auth-backend",
        "AuthBackendConfig checkpoints-auth-config",
        "Mount checkpoints-kv",
        "CheckpointDatabase checkpoints-database",
        "Endpoint checkpoints-database-migrator-password",
        "Endpoint checkpoints-database-application-password",
        "Role checkpoints-database-owner",
        "Role checkpoints-database-migrator",
        "Role checkpoints-database-application",
        "Database checkpoints-database-database",
        "VaultAccess checkpoints-access",
        "ServiceAccount checkpoints-access-account",
        "Policy checkpoints-access-policy",
        "AuthBackendRole checkpoints-access-role",
        "SecretV2 checkpoints-access-secret",
        "VaultAccess checkpoints-application-access",
        "ServiceAccount checkpoints-application-access-account",
        "Policy checkpoints-application-access-policy",
        "AuthBackendRole checkpoints-application-access-role",
        "SecretV2 checkpoints-application-access-secret",
        "NetworkPolicy checkpoints-network",
        "FallbackRollback checkpoints-fallback-rollback",
        "SchemaMigration checkpoints-migration",
        "ConfigMap checkpoints-migration-files",
        "Job checkpoints-migration-job",
        "SchemaVerification checkpoints-verification",
        "Job checkpoints-verification-job",
        "VerificationReport checkpoints-verification-report",
        "SchemaRollback checkpoints-rollback",
    }


def test_somebody_elses_vault_and_database_leave_only_access_and_jobs(storage) -> None:
    assert set(storage(environment="dev")) == {
        "CheckpointStorage checkpoints",
        "DataGuard checkpoints-guard",
        "Ownership checkpoints-ownership",
        "VaultAccess checkpoints-access",
        "ServiceAccount checkpoints-access-account",
        "Policy checkpoints-access-policy",
        "AuthBackendRole checkpoints-access-role",
        "NetworkPolicy checkpoints-network",
        "FallbackRollback checkpoints-fallback-rollback",
        "SchemaMigration checkpoints-migration",
        "ConfigMap checkpoints-migration-files",
        "Job checkpoints-migration-job",
        "SchemaVerification checkpoints-verification",
        "Job checkpoints-verification-job",
        "VerificationReport checkpoints-verification-report",
        "SchemaRollback checkpoints-rollback",
    }


def test_the_vault_role_is_bound_to_one_account_namespace_and_audience(storage) -> None:
    role = storage(**DEV)["AuthBackendRole checkpoints-access-role"].inputs

    assert role["boundServiceAccountNames"] == ["agent-executor"]
    assert role["boundServiceAccountNamespaces"] == ["bizmatters"]
    assert role["audience"] == "vault"
    assert role["aliasNameSource"] == "serviceaccount_uid"
    assert role["tokenNoDefaultPolicy"] is True
    assert role["tokenTtl"] == role["tokenExplicitMaxTtl"] == 120
    assert role["tokenNumUses"] == 10


def test_the_policy_reads_one_secret_and_renews_and_ends_its_own_token(storage) -> None:
    policy = storage(**DEV)["Policy checkpoints-access-policy"].inputs["policy"]

    assert policy.count("capabilities") == 3
    assert 'path "auth/token/renew-self"' in policy
    assert 'path "kv/data/bizmatters/agent-executor/postgres"' in policy
    assert 'path "auth/token/revoke-self"' in policy


def test_migrator_and_application_get_credentials_of_their_own(storage) -> None:
    resources = storage(**DEV)

    for name, path, user in (
        ("access", "bizmatters/agent-executor/postgres", "langgraph_migrator"),
        ("application-access", "bizmatters/agent-executor/postgres-app", "langgraph_app"),
    ):
        secret = resources[f"SecretV2 checkpoints-{name}-secret"].inputs
        assert (secret["mount"], secret["name"]) == ("kv", path)
        assert secret["options"] == {"cas": "0"}
        assert secret["disableRead"] is True
        assert json.loads(secret["dataJson"]) == {
            "host": "10.0.0.1",
            "port": "5432",
            "database": "langgraph",
            "username": user,
            "password": "drawn",
        }


def test_a_given_credential_is_written_for_the_jobs(storage) -> None:
    resources = storage(
        environment="dev", manageSecret=True, databaseUsername="me", databasePassword="p:w\\d"
    )

    secret = json.loads(resources["SecretV2 checkpoints-access-secret"].inputs["dataJson"])
    assert (secret["username"], secret["password"]) == ("me", "p:w\\d")


def test_only_login_roles_have_passwords_and_only_the_migrator_is_the_owners_member(
    storage,
) -> None:
    resources = storage(**DEV, databaseSchema="graphs")
    owner, migrator, application = (
        resources[f"Role checkpoints-database-{role}"].inputs
        for role in ("owner", "migrator", "application")
    )

    assert owner["login"] is False
    assert "password" not in owner
    assert migrator["roles"] == ["langgraph_owner"]
    assert application.get("roles", []) == []
    assert application["searchPaths"] == migrator["searchPaths"] == ["graphs"]
    assert not [name for name in resources if name.startswith("Schema ")]


@pytest.mark.parametrize("wanted", [False, True])
def test_the_schema_for_setup_comes_first_for_the_application_alone(storage, wanted: bool) -> None:
    resources = storage(**DEV, databaseSchema="graphs", applicationSetup=wanted)
    roles = (f"Role checkpoints-database-{role}" for role in ("application", "migrator"))
    application, migrator = (resources[role].inputs["searchPaths"] for role in roles)
    jobs = (
        resources[f"Job checkpoints-{kind}-job"].inputs["spec"]["template"]["spec"]
        for kind in ("migration", "verification")
    )

    assert migrator == ["graphs"]
    assert application == [*(["graphs_setup"] if wanted else []), "graphs"]
    said = [environment(pod["containers"][0])["APPLICATION_SETUP"] for pod in jobs]
    assert said == [str(wanted).lower()] * 2


def test_the_reviewers_token_configures_the_auth_mount(storage) -> None:
    config = storage(**DEV)["AuthBackendConfig checkpoints-auth-config"].inputs

    assert (config["kubernetesCaCert"], config["tokenReviewerJwt"]) == ("CA", "JWT")
    assert config["kubernetesHost"] == "https://10.0.0.1:6443"


def test_a_preview_of_the_auth_mount_asks_vault_for_no_version(storage) -> None:
    config = storage(**DEV)["AuthBackendConfig checkpoints-auth-config"].inputs

    assert config["disableLocalCaJwt"] is True


def test_the_reviewer_has_one_name_in_every_run_and_another_in_each_environment(
    storage,
) -> None:
    def names(**values: Any) -> set[str]:
        declared = storage(**{**DEV, **values})
        kinds = ("ServiceAccount", "ClusterRoleBinding", "Secret")
        reviewers = [declared[f"{kind} checkpoints-auth-reviewer"].inputs for kind in kinds]
        return {reviewer["metadata"]["name"] for reviewer in reviewers}

    (first,), (again,) = names(), names()
    (elsewhere,), (beside,) = names(namespace="other"), names(vaultAuthMount="other")

    assert first == again
    assert len({first, elsewhere, beside}) == 3


def test_the_migration_job_runs_migrate_after_vault_init(storage) -> None:
    job = storage(**DEV)["Job checkpoints-migration-job"].inputs
    pod = job["spec"]["template"]["spec"]

    assert job["metadata"]["name"] == "agent-executor-migration-001"
    assert [c["name"] for c in pod["initContainers"]] == ["vault-init"]
    assert pod["containers"][0]["args"] == ["sh", "/migrations/migrate.sh", "up"]
    assert environment(pod["containers"][0])["OWNER_ROLE"] == "langgraph_owner"
    assert environment(pod["containers"][0])["APP_ROLE"] == "langgraph_app"
    assert job["spec"]["backoffLimit"] == 3
    assert job["spec"]["ttlSecondsAfterFinished"] == 86400


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, None),
        ({"backupSchedule": "30 2 * * *", "backupClaim": "dumps"}, "backupSchedule"),
        ({"rollbackBackupClaim": "dumps"}, "rollbackBackupClaim"),
        (
            {
                "backupSchedule": "30 2 * * *",
                "backupBucket": "dumps",
                "rollbackBackupClaim": "dumps",
            },
            "backupSchedule and rollbackBackupClaim",
        ),
    ],
)
def test_the_migration_knows_which_settings_ask_for_dumps(storage, settings, named) -> None:
    job = storage(**DEV | {"manageNamespace": False} | settings)["Job checkpoints-migration-job"]

    main = job.inputs["spec"]["template"]["spec"]["containers"][0]
    assert environment(main).get("DUMP_SETTING") == named


@pytest.mark.parametrize(("settings", "memory"), [({}, "1Gi"), ({"backupMemory": "3Gi"}, "3Gi")])
def test_the_dump_before_a_rollback_has_the_memory_that_the_setting_says(
    storage, settings, memory: str
) -> None:
    dumped = {"manageNamespace": False, "allowDataLoss": True, "rollbackBackupClaim": "dumps"}
    resources = storage(**DEV | dumped | settings)

    for rollback in (
        "SchemaRollback checkpoints-rollback",
        ("FallbackRollback checkpoints-fallback-rollback"),
    ):
        pod = json.loads(resources[rollback].inputs["manifest"])["spec"]["template"]["spec"]
        assert pod["initContainers"][1]["resources"]["limits"]["memory"] == memory
        assert pod["containers"][0]["resources"]["limits"]["memory"] == "256Mi"


def test_the_verification_is_tied_to_the_run_of_the_migration(storage) -> None:
    job = storage(**DEV)["Job checkpoints-verification-job"].inputs

    annotations = job["spec"]["template"]["metadata"]["annotations"]
    assert annotations["langgraph-checkpoint/migration-uid"] == "uid-1"


def test_whatever_holds_a_credential_is_registered_as_a_secret(configure, declare) -> None:
    secrets = recorded(configure, declare, **DEV, kubeconfig=KUBECONFIG).secrets

    assert {secret for secret in secrets if not secret.endswith("__provider")} == {
        "AuthBackendConfig checkpoints-auth-config tokenReviewerJwt",
        # Marked by the provider's SDK, whatever it holds.
        "Endpoint checkpoints-database-migrator-password dataJson",
        "Endpoint checkpoints-database-application-password dataJson",
        "Role checkpoints-database-migrator password",
        "Role checkpoints-database-application password",
        "SecretV2 checkpoints-access-secret dataJson",
        "SecretV2 checkpoints-application-access-secret dataJson",
        "VerificationReport checkpoints-verification-report kubeconfig",
        "SchemaRollback checkpoints-rollback kubeconfig",
        "FallbackRollback checkpoints-fallback-rollback kubeconfig",
    }


@pytest.mark.parametrize("allowed", [True, False])
def test_the_rollback_carries_its_whole_job_as_text(allowed, storage) -> None:
    rollback = storage(**DEV, allowDataLoss=allowed)["SchemaRollback checkpoints-rollback"].inputs

    job = json.loads(rollback["manifest"])
    main = job["spec"]["template"]["spec"]["containers"][0]
    assert main["args"] == ["sh", "/migrations/migrate.sh", "down"]
    assert environment(main)["ALLOW_DATA_LOSS"] == str(allowed).lower()
    carried = unpacked(rollback["files"])
    assert "001_create_checkpointer_tables.down.sql" in carried
    assert not [name for name in carried if name.endswith((".up.sql", ".verify.sql"))]
    sums = next(e["value"] for e in main["env"] if e["name"] == "FILES_SHA256")
    assert {line[66:] for line in sums.split("\n")} == carried.keys()


def test_the_guard_knows_all_that_goes_with_its_setting(storage) -> None:
    owns = storage(**DEV)["DataGuard checkpoints-guard"].inputs["owned"]
    owns_nothing = storage(environment="dev")["DataGuard checkpoints-guard"].inputs["owned"]

    assert owns == {
        "namespace": "bizmatters",
        "KV mount": "kv",
        "database": "langgraph",
        "schema": "public",
    }
    assert owns_nothing == {"schema": "public"}


@pytest.mark.parametrize(("managed", "server"), [(True, "https://10.0.0.1:6443"), (False, "")])
def test_the_guard_knows_where_a_managed_namespace_is(storage, managed: bool, server: str) -> None:
    resources = storage(environment="dev", kubeconfig=KUBECONFIG, manageNamespace=managed)

    assert resources["DataGuard checkpoints-guard"].inputs["api_server"] == server


def test_each_object_bears_the_owners_id_and_is_looked_for_before_it_is_written(
    storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded: set[str] = set()
    hook = OwnershipCheck.hook
    monkeypatch.setattr(
        OwnershipCheck, "hook", lambda self, name: guarded.add(name) or hook(self, name)
    )

    resources = storage(**DEV | EVERY_PART)

    manifests = {
        f"{name.split()[1]}-{resource.inputs['kind']}": resource.inputs["metadata"]
        for name, resource in resources.items()
        if "kind" in resource.inputs
    }
    assert len(manifests) == 19, manifests.keys()
    owners = {name: data["annotations"].get(OWNER) for name, data in manifests.items()}
    # It outlives its stack, and the next one draws another id.
    assert owners.pop("checkpoints-backup-claim-PersistentVolumeClaim") is None
    assert owners == dict.fromkeys(owners, "drawn-owner")
    assert manifests.keys() <= guarded


def test_images_named_by_digest_reach_every_pod_as_given(storage) -> None:
    images = [f"{name}@sha256:{digit * 64}" for name, digit in (("v/vault:1", "0"), ("psql", "f"))]
    resources = storage(**DEV, vaultImage=images[0], postgresImage=images[1])
    manifest = resources["SchemaRollback checkpoints-rollback"].inputs["manifest"]
    jobs = [resources[f"Job checkpoints-{kind}-job"].inputs for kind in JOBS]

    for job in (*jobs, json.loads(manifest)):
        pod = job["spec"]["template"]["spec"]
        assert [c["image"] for c in (*pod["initContainers"], *pod["containers"])] == images


def test_no_job_holds_a_secret_or_skips_its_await(storage) -> None:
    resources = storage(
        environment="dev", manageSecret=True, databaseUsername="me", databasePassword="hunter2"
    )

    for name, resource in resources.items():
        if name.startswith(("Job", "ConfigMap", "SchemaRollback")):
            text = json.dumps(resource.inputs)
            assert "hunter2" not in text, name
            assert "skipAwait" not in text, name


def test_tls_is_verified_unless_a_setting_named_insecure_lowers_it(storage) -> None:
    verified = environment(container(storage(**DEV), "Job checkpoints-migration-job"))
    lowered = environment(
        container(
            storage(**DEV, insecureDatabaseSslMode="require"), "Job checkpoints-migration-job"
        )
    )

    assert (verified["PGSSLMODE"], verified["PGSSLROOTCERT"]) == ("verify-full", "system")
    assert lowered["PGSSLMODE"] == "require"
    assert "PGSSLROOTCERT" not in lowered


def test_certificates_travel_in_the_config_map(storage, tmp_path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    resources = storage(
        **DEV, vaultCaCertFile=str(tmp_path / "ca.pem"), databaseCaCertFile=str(tmp_path / "ca.pem")
    )

    files = resources["ConfigMap checkpoints-migration-files"].inputs
    assert files["immutable"] is True
    assert files["data"]["vault-ca.pem"] == files["data"]["database-ca.pem"] == PEM


def test_changed_content_changes_the_config_maps_name(storage) -> None:
    def name(**values: Any) -> str:
        resources = storage(**DEV, **values)
        return resources["ConfigMap checkpoints-migration-files"].inputs["metadata"]["name"]

    assert name() == name()
    assert name(vaultRole="another") != name()


@pytest.mark.parametrize(("verify", "anew"), [("onChange", False), ("always", True)])
def test_the_verification_job_is_another_one_each_time_only_if_asked_to(
    storage, verify: str, *, anew: bool
) -> None:
    first, second = storage(**DEV, verify=verify), storage(**DEV, verify=verify)

    def differs(job: str) -> bool:
        return first[job].inputs["spec"] != second[job].inputs["spec"]

    assert differs("Job checkpoints-verification-job") is anew
    assert not differs("Job checkpoints-migration-job")


def test_numbers_that_came_as_floats_declare_the_same(configure, declare) -> None:
    configure(**DEV)
    args = load_settings(ENVIRON)
    given = as_given(args)

    def declared(given):
        made = declare(lambda: CheckpointStorage("checkpoints", given)).declared
        kinds = ("Job ", "NetworkPolicy ", "ConfigMap ", "SecretV2 ")
        return {name: made[name].inputs for name in made if name.startswith(kinds)}

    floats = for_component("checkpoints", json.loads(json.dumps(given), parse_int=float))

    assert len(declared(args)) == 6
    assert declared(floats) == declared(args)


def test_an_input_that_is_not_known_yet_is_refused_by_its_name(configure, declare) -> None:
    configure(**DEV)
    given = as_given(load_settings(ENVIRON))
    later = given | {"vaultAddress": pulumi.Output.from_input("https://vault")}

    with pytest.raises(InputsError, match=r"vaultAddress: .* known before the deployment"):
        for_component("checkpoints", later)


def test_a_password_may_become_known_during_the_deployment(configure, declare) -> None:
    password = pulumi.Output.from_input("drawn elsewhere")
    given = {"manageSecret": True, "databaseUsername": "me", "databasePassword": password}
    configure(environment="dev")

    args = for_component("checkpoints", as_given(load_settings(ENVIRON)) | given)
    recorded = declare(lambda: CheckpointStorage("checkpoints", args))

    secret = recorded.declared["SecretV2 checkpoints-access-secret"].inputs["dataJson"]
    assert json.loads(secret)["password"] == "drawn elsewhere"
    assert "SecretV2 checkpoints-access-secret dataJson" in recorded.secrets


@pytest.mark.parametrize("password", ["", "two\nlines"])
def test_a_password_that_becomes_known_later_is_looked_at_before_it_is_written(
    configure, declare, password: str
) -> None:
    configure(environment="dev", manageSecret=True, databaseUsername="me", databasePassword="x")
    args = replace(load_settings(ENVIRON), database_password=pulumi.Output.secret(password))

    with pytest.raises(pulumi.RunError, match="databasePassword: expected"):
        declare(lambda: CheckpointStorage("checkpoints", args))
