"""Every deployer gets what `pulumi up` makes, and what differs is said here."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from components.inputs.checks import InputsError
from components.inputs.storage import CheckpointStorageArgs
from components.ownership.annotations import OWNER
from components.settings.settings import PROJECT_FILE
from components.settings.settings import load as load_settings
from render.argocd import argocd
from render.environment import load
from render.helm import chart
from render.manifests import FILES, ROLLBACK
from render.plain import plain, vault_files
from tests.support.deployers import helm
from tests.unit.test_checkpoint_storage import DEV, ENVIRON, storage  # noqa: F401

MANAGER = "app.kubernetes.io/managed-by"
DECLARED = {
    "network-policy": "NetworkPolicy checkpoints-network",
    "service-account": "ServiceAccount checkpoints-access-account",
    "files": "ConfigMap checkpoints-migration-files",
    "migration": "Job checkpoints-migration-job",
    "verification": "Job checkpoints-verification-job",
}
Args = CheckpointStorageArgs
Part = Callable[[Args], dict[str, str]]


def test_every_deployer_lets_the_readers_in(configure) -> None:
    configure(**DEV, databaseReaders="grafana, analytics")
    args = load_settings(ENVIRON)

    for part in (plain, chart, argocd):
        jobs = [text for text in part(args).values() if "migrate.sh" in text or "verify.sh" in text]
        named = [text for text in jobs if "value: grafana, analytics" in text]
        assert [text.count("name: READER_ROLES") for text in named] == [1] * len(named)
        assert len(named) >= 2, part


@pytest.fixture
def args(configure) -> Args:
    configure(**DEV, timeoutSeconds=700, backoffLimit=2)
    return load_settings(ENVIRON)


def objects(files: dict[str, str]) -> dict[str, Any]:
    return {
        name.removesuffix(".yaml"): common(yaml.safe_load(text)) for name, text in files.items()
    }


def common(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest without what one deployer alone gives it."""
    manifest = copy.deepcopy(manifest)
    manifest.pop("status", None)
    annotations = manifest["metadata"].pop("annotations", {})
    kept = {key: text for key, text in annotations.items() if key.startswith("langgraph-")}
    manifest["metadata"] |= {"annotations": kept} if kept else {}
    if manifest["kind"] == "Job":
        manifest["spec"].pop("ttlSecondsAfterFinished", None)
        template = manifest["spec"]["template"]
        del manifest["metadata"]["labels"][MANAGER], template["metadata"]["labels"][MANAGER]
        template["metadata"]["annotations"].pop("langgraph-checkpoint/migration-uid", None)
        for volume in template["spec"]["volumes"]:
            if volume["name"] == "files":
                del volume["configMap"]["name"]
        for container in (*template["spec"]["initContainers"], *template["spec"]["containers"]):
            container["env"] = [e for e in container["env"] if e["name"] != "FILES_SHA256"]
    if manifest["kind"] == "ConfigMap":
        del manifest["metadata"]["name"]
    # A deployer of its own kind has no state that could hold an owner's id.
    annotations = manifest["metadata"].get("annotations", {})
    annotations.pop(OWNER, None)
    if not annotations:
        manifest["metadata"].pop("annotations", None)
    return manifest


def test_the_plain_manifests_are_what_pulumi_up_makes(args, storage) -> None:  # noqa: F811
    declared = storage(**DEV, timeoutSeconds=700, backoffLimit=2)
    made = {
        name: common(
            {"apiVersion": inputs["apiVersion"], "kind": inputs["kind"]}
            | {key: value for key, value in inputs.items() if not key.startswith("__")}
        )
        for name, inputs in ((name, declared[key].inputs) for name, key in DECLARED.items())
    }

    rendered = objects(plain(args))
    # Pulumi's rollback carries its files itself, the others' mounts the one ConfigMap.
    files = rendered["files"]["data"]
    rendered["files"]["data"] = {name: files[name] for name in made["files"]["data"]}

    assert rendered.pop(ROLLBACK) == common(
        json.loads(declared["SchemaRollback checkpoints-rollback"].inputs["manifest"])
    )
    assert rendered == made


def test_the_role_and_the_policy_are_those_that_pulumi_up_makes(args, storage) -> None:  # noqa: F811
    declared = storage(**DEV)
    role = dict(declared["AuthBackendRole checkpoints-access-role"].inputs)
    names = {"".join(part.capitalize() for part in key.split("_")): key for key in vault_role(args)}

    assert vault_role(args) == {
        names[key[0].upper() + key[1:]]: value
        for key, value in role.items()
        if key not in ("backend", "roleName")
    }
    policy = declared["Policy checkpoints-access-policy"].inputs["policy"]
    mark, _, rest = policy.partition("\n")
    assert mark.startswith(f"# {OWNER}: ")
    assert vault_files(args)["policy.hcl"] == rest


def vault_role(args: Args) -> dict[str, Any]:
    return json.loads(vault_files(args)["role.json"])


def test_argo_cd_gets_the_plain_manifests_but_the_rollback(args) -> None:
    expected = objects(plain(args))
    del expected[ROLLBACK]

    assert objects(argocd(args)) == expected


def hooks(files: dict[str, str], prefix: str) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, text in files.items():
        annotations = yaml.safe_load(text)["metadata"]["annotations"]
        found[name.removesuffix(".yaml")] = tuple(
            value for key, value in annotations.items() if key.startswith(prefix)
        )
    return found


def test_argo_cd_makes_account_and_files_before_the_migration_and_then_verifies(args) -> None:
    assert hooks(argocd(args), "argocd.argoproj.io/") == {
        "network-policy": ("PreSync", "-10", "HookFailed"),
        "service-account": ("PreSync", "-10", "HookFailed"),
        "files": ("PreSync", "-10", "BeforeHookCreation"),
        "migration": ("PreSync", "-5", "BeforeHookCreation"),
        "verification": ("Sync", "-1", "BeforeHookCreation"),
    }


Helm = Callable[..., subprocess.CompletedProcess[str]]


def helm_in(args: Args, folder: Path) -> Helm:
    """Return what runs one of Helm's commands over the chart."""
    for name, text in chart(args).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [helm(), "--namespace", args.namespace, *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def template(args, tmp_path: Path) -> Helm:
    return helm_in(args, tmp_path)


def rendered_by_helm(template, *arguments: str) -> dict[str, str]:
    done = template("template", "release", ".", *arguments)
    assert done.returncode == 0, done.stderr
    found = {}
    for text in done.stdout.split("---\n# Source: langgraph-checkpoint/templates/")[1:]:
        name, manifest = text.split("\n", 1)
        found[name] = manifest
    return found


@pytest.mark.lane
def test_the_chart_renders_to_the_plain_manifests(args, template) -> None:
    assert objects(rendered_by_helm(template)) == objects(plain(args))


@pytest.mark.lane
def test_helm_makes_account_and_files_before_the_migration_and_then_verifies(
    template,
) -> None:
    before, again = "pre-install,pre-upgrade", "before-hook-creation"
    assert hooks(rendered_by_helm(template), "helm.sh/") == {
        "network-policy": (before, "-10", again),
        "service-account": (before, "-10", again),
        "files": (f"{before},pre-rollback,pre-delete", "-10", again),
        "migration": (before, "-5", again),
        "verification": (before, "0", again),
        "rollback": ("pre-delete", "0", again),
    }


@pytest.mark.parametrize("part", [argocd, lambda args: objects_of_chart(args)])
def test_no_deployer_that_waits_loses_its_job_to_a_time_to_live(args, part: Part) -> None:
    for text in part(args).values():
        assert "ttlSecondsAfterFinished" not in text


def objects_of_chart(args: Args) -> dict[str, str]:
    return {name: text for name, text in chart(args).items() if name.startswith("templates/")}


@pytest.mark.lane
def test_helm_lint_finds_nothing(template) -> None:
    done = template("lint", "--strict", ".")

    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout + done.stderr


@pytest.mark.lane
def test_images_of_another_registry_are_values(template) -> None:
    given = {"postgresImage": "mirror.example.com/postgres:16", "vaultImage": "bao@sha256:0"}
    settings = [part for pair in given.items() for part in ("--set", "=".join(pair))]

    made = rendered_by_helm(template, *settings)

    for name in ("migration", "verification", "rollback"):
        spec = yaml.safe_load(made[f"{name}.yaml"])["spec"]["template"]["spec"]
        assert spec["initContainers"][0]["image"] == given["vaultImage"]
        assert spec["containers"][0]["image"] == given["postgresImage"]


@pytest.mark.lane
def test_helm_reads_no_template_in_a_setting(configure, tmp_path: Path) -> None:
    configure(**DEV, databaseApplicationRole="{{ fail }}")
    args = load_settings(ENVIRON)

    made = rendered_by_helm(helm_in(args, tmp_path))

    assert objects(made) == objects(plain(args))


def test_the_chart_says_that_it_drops_rows_only_where_it_does(args) -> None:
    assert "refuses while they hold rows" in chart(args)["templates/NOTES.txt"]

    args = replace(args, allow_data_loss=True)

    assert "with all rows" in chart(args)["templates/NOTES.txt"]


def test_another_rendering_is_another_version_of_the_chart(args) -> None:
    def version(args: Args) -> str:
        return yaml.safe_load(chart(args)["Chart.yaml"])["version"]

    first, again = version(args), version(args)

    assert first == again != version(replace(args, timeout_seconds=601))


@pytest.mark.lane
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("postgresImage=", "postgresImage"),
        ("vaultImage=a b", "vaultImage"),
        ("postgresimage=x", "postgresimage"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_rendered(template, given: str, words: str) -> None:
    done = template("template", "release", ".", "--set", given)

    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


@pytest.mark.lane
def test_the_chart_refuses_a_namespace_that_vault_would_not_let_in(template) -> None:
    done = template("template", "release", ".", "--namespace", "other")

    assert done.returncode == 1
    assert "expected the namespace bizmatters" in done.stderr


def test_the_files_hold_no_encrypted_value_and_no_password(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.own.yaml").write_text(
        yaml.safe_dump(
            {
                "encryptionsalt": "v1:salt",
                "config": {
                    "langgraph-checkpoint:environment": "own",
                    "langgraph-checkpoint:manageSecret": True,
                    "langgraph-checkpoint:vaultAddress": "https://vault.example.com",
                    "langgraph-checkpoint:databaseHost": "db.example.com",
                    "langgraph-checkpoint:databaseName": "langgraph",
                    "langgraph-checkpoint:databaseUsername": "migrator",
                    "langgraph-checkpoint:databasePassword": {"secure": "v1:canary"},
                    "langgraph-checkpoint:kubeconfig": {"secure": "v1:canary"},
                },
            }
        )
    )

    args = load("own", tmp_path, {})

    for part in (plain, argocd, chart, vault_files):
        text = json.dumps(part(args))
        assert "canary" not in text
        assert "encrypted" not in text


def test_bad_settings_are_refused_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.own.yaml").write_text(
        "config: {langgraph-checkpoint:environment: other, langgraph-checkpoint:verify: maybe}"
    )

    with pytest.raises(InputsError) as refused:
        load("own", tmp_path, {})

    assert "environment: expected the stack's name 'own'" in str(refused.value)
    assert "verify: expected" in str(refused.value)
    assert "vaultAddress" in str(refused.value)


def test_the_files_are_of_one_name_whatever_they_hold(args) -> None:
    assert yaml.safe_load(plain(args)[f"{FILES}.yaml"])["metadata"]["name"] == (
        "agent-executor-migration"
    )


def test_an_encrypted_value_that_would_be_in_the_files_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.own.yaml").write_text(
        "config: {langgraph-checkpoint:databaseOwner: {secure: v1:canary}}"
    )

    with pytest.raises(InputsError, match="langgraph-checkpoint:databaseOwner"):
        load("own", tmp_path, {})


def test_no_deployer_owns_a_database_even_where_the_program_would_make_it(tmp_path: Path) -> None:
    text = (PROJECT_FILE.parent / "Pulumi.dev.yaml").read_text()
    (tmp_path / "Pulumi.dev.yaml").write_text(text)

    made = plain(load("dev", tmp_path, {"VAULT_ADDR": "https://vault", "PGHOST": "db"}))

    for name in ("migration", "verification", ROLLBACK):
        job = yaml.safe_load(made[f"{name}.yaml"])
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert {"name": "OWNS_DATABASE", "value": "false"} in container["env"]
