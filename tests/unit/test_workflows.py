"""The workflows as files: who may do what, in which order, and what their shell commands do."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.toolchain.lint_workflows import lint
from policy.rules import RULES, STACK_RULES
from tests.support.deployment import REPOSITORY

GITHUB = REPOSITORY / ".github"
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text()) for path in (GITHUB / "workflows").iterdir()
}
DOCUMENT = (REPOSITORY / "docs" / "ci.md").read_text()
GITLAB = yaml.safe_load(DOCUMENT.split("```yaml\n")[1].split("```")[0])
FILES = [*(GITHUB / "workflows").iterdir(), *(GITHUB / "actions").glob("*/action.yml")]
DEPLOYING = [WORKFLOWS["deploy"]["jobs"][name] for name in ("dev", "staging", "prod")]
Job = dict[str, Any]


def zizmor(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("zizmor"), "--offline", "--quiet", folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def step(job: Job, name: str) -> dict[str, Any]:
    (found,) = [one for one in job["steps"] if one.get("name") == name]
    return found


def test_actionlint_and_zizmor_find_nothing() -> None:
    found = lint(folder=REPOSITORY)

    assert (found.returncode, found.stdout) == (0, "")
    assert zizmor(GITHUB).returncode == 0


@pytest.mark.parametrize(
    ("text", "replacement", "linter"),
    [
        ("matrix.environment }}", "matrix.environmnt }}", "actionlint"),
        ('"$RUNNER_TEMP/plan.txt" ||', "$RUNNER_TEMP/plan.txt ||", "actionlint"),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "zizmor"),
        ('exit "$status"', "exit ${{ github.head_ref }}", "zizmor"),
        ("pull_request:", "pull_request_target:", "zizmor"),
    ],
)
def test_a_flaw_is_found(tmp_path: Path, text: str, replacement: str, linter: str) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    sound = (GITHUB / "workflows" / "preview.yml").read_text()
    assert text in sound
    (folder / "preview.yml").write_text(sound.replace(text, replacement, 1))
    # Actionlint looks for the local action.
    (tmp_path / ".github" / "actions").symlink_to(GITHUB / "actions")

    found = lint(folder=tmp_path) if linter == "actionlint" else zizmor(folder)

    assert found.returncode != 0
    assert "preview.yml" in found.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_action_of_others_is_pinned_to_a_commit_and_says_its_version(path: Path) -> None:
    used = re.findall(r"uses: (?!\./)(.*)", path.read_text())

    assert used
    assert [
        one for one in used if not re.fullmatch(r"\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)
    ] == []


def test_the_engine_is_of_the_sdks_version() -> None:
    (sdk,) = re.findall(r"(?m)^pulumi==(\S+)", (REPOSITORY / "requirements.txt").read_text())
    texts = [path.read_text() for path in FILES]
    asked = [version for text in texts for version in re.findall(r"pulumi-version: (\S+)", text)]
    actions = sum(text.count("uses: pulumi/actions@") for text in texts)

    assert asked == [sdk] * actions
    assert GITLAB["default"]["image"].endswith(f":{sdk}")


def test_deployments_go_from_dev_to_staging_to_prod_and_differ_in_nothing_else() -> None:
    def named(job: Job, environment: str) -> str:
        rest = {key: value for key, value in job.items() if key != "needs"}
        return yaml.safe_dump(rest).replace(environment, "ENVIRONMENT")

    names = ("dev", "staging", "prod")
    texts = {named(job, name) for job, name in zip(DEPLOYING, names, strict=True)}

    assert [job.get("needs") for job in DEPLOYING] == [None, "dev", "staging"]
    assert [job["environment"] for job in DEPLOYING] == [*names]
    assert len(texts) == 1


def test_two_runs_of_one_environment_never_meet() -> None:
    destroy = WORKFLOWS["destroy"]["jobs"]
    groups = [job["concurrency"] for job in (*DEPLOYING, *destroy.values())]

    assert [one["group"] for one in groups] == [
        *("environment-dev", "environment-staging", "environment-prod"),
        *["environment-${{ inputs.environment }}"] * 2,
    ]
    assert not any(one["cancel-in-progress"] for one in groups)
    assert GITLAB[".up"]["resource_group"] == "environment-$ENVIRONMENT"
    assert GITLAB[".destroy"]["resource_group"] == "environment-$DESTROY"


def test_a_destroy_is_previewed_and_approved_first() -> None:
    workflow = WORKFLOWS["destroy"]
    destroy = workflow["jobs"]["destroy"]

    # PyYAML takes the key "on" for a boolean.
    assert list(workflow[True]) == ["workflow_dispatch"]
    assert destroy["needs"] == "preview"
    assert destroy["environment"] == "${{ inputs.environment }}-destroy"
    assert "--preview-only" in step(workflow["jobs"]["preview"], "Preview the destroy")["run"]
    assert GITLAB["destroy"]["needs"] == ["preview of destroy"]
    assert GITLAB["destroy"]["rules"][0]["when"] == "manual"


def test_a_pull_request_gets_no_right_but_to_comment_and_no_token_of_vault() -> None:
    job = WORKFLOWS["preview"]["jobs"]["preview"]

    assert list(WORKFLOWS["preview"][True]) == ["pull_request"]
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert job["environment"] == "${{ matrix.environment }}-preview"
    assert "secrets.VAULT_TOKEN" not in yaml.safe_dump(job)
    assert {workflow["permissions"] == {} for workflow in WORKFLOWS.values()} == {True}


def test_every_up_and_preview_is_under_the_policy_pack() -> None:
    jobs = [*DEPLOYING, WORKFLOWS["preview"]["jobs"]["preview"]]
    steps = [one for job in jobs for one in job["steps"] if "command" in one.get("with", {})]

    assert [one["with"]["policyPacks"] for one in steps] == ["policy"] * 4


def test_every_secret_and_variable_is_documented() -> None:
    text = "".join(path.read_text() for path in FILES)
    table = DOCUMENT.split("## What to set up once")[1].split("##")[0]
    used = set(re.findall(r"\b(?:secrets|vars)\.([A-Z_]+)", text))

    assert set(re.findall(r"`([A-Z_]{5,})`", table)) == used


def test_the_table_of_rules_is_that_of_the_pack() -> None:
    rows = [
        f"| `{rule.name}` | {'stops' if rule.mandatory else 'warns'} | {rule.description} |\n"
        for rule in (*RULES, *STACK_RULES)
    ]
    table = DOCUMENT.split("<!-- rules -->")[1].split("<!-- /rules -->")[0]

    assert "".join(rows) == "".join(table.partition("| --- |\n")[2:])


class Runner:
    """A machine that runs a workflow's shell commands, with programs that are not there faked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary = folder / "summary"
        self.said = folder / "said"
        (folder / "bin").mkdir()

    def fake(self, name: str, answer: str = "", status: int = 0) -> None:
        """Put a program on PATH that notes how it was called and answers."""
        program = self.folder / "bin" / name
        program.write_text(
            f"#!/bin/sh\nprintf '%s\\n' \"$*\" >> {self.said}\n"
            f"case \"$*\" in *' PATCH '* | *' POST '*) ;; *) echo '{answer}' ;; esac\n"
            f"exit {status}\n"
        )
        program.chmod(0o755)

    def run(self, command: str, **environ: str) -> int:
        """Run a command as GitHub does; return its exit status."""
        path = f"{self.folder / 'bin'}:/usr/bin:/bin"
        own = {"GITHUB_STEP_SUMMARY": str(self.summary), "GITHUB_REPOSITORY": "o/r"}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
            cwd=REPOSITORY,
            env={"PATH": path, "RUNNER_TEMP": str(self.folder), **own, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


WORDS = step(WORKFLOWS["preview"]["jobs"]["preview"], "Say what the SQL will do")["run"]
PLAN = {"SCHEMA": "public", "APP_ROLE": "", "ENVIRONMENT": "dev", "PULL_REQUEST": "7"}


@pytest.mark.parametrize(
    ("earlier", "call"),
    [
        ("", "--method POST repos/o/r/issues/7/comments "),
        ("42", "--method PATCH repos/o/r/issues/comments/42 "),
    ],
    ids=["first run", "later run"],
)
def test_the_words_become_a_comment_that_later_runs_replace(
    runner: Runner, earlier: str, call: str
) -> None:
    runner.fake("gh", earlier)

    assert runner.run(WORDS, MAY_COMMENT="true", **PLAN) == 0
    said = runner.said.read_text()
    assert call in said
    assert "body=### What the SQL will do in dev\n" in said
    assert "no database was named; from nothing it would\n  create table" in said


def test_from_a_fork_the_words_are_in_the_summary_only(runner: Runner) -> None:
    runner.fake("gh")

    assert runner.run(WORDS, MAY_COMMENT="false", **PLAN) == 0
    assert not runner.said.exists()
    assert "  create table checkpoints\n" in runner.summary.read_text()


def test_a_refusal_is_shown_and_fails_the_check(runner: Runner) -> None:
    runner.fake("gh")
    runner.fake("psql", status=3)
    psql = runner.folder / "bin" / "psql"
    psql.write_text("#!/bin/sh\necho 'psql:plan.sql:1: ERROR:  MG010: no way' >&2\nexit 3\n")

    assert runner.run(WORDS, MAY_COMMENT="true", PGHOST="db", **PLAN) == 10
    assert "refused: no way" in runner.summary.read_text()
    assert "refused: no way" in runner.said.read_text()


def test_gitlab_comments_with_the_preview_and_the_words(runner: Runner) -> None:
    runner.fake("pulumi", "+ 40 to create")
    runner.fake("curl")
    script = "\n".join(GITLAB["preview"]["script"])
    for file in ("preview.txt", "note.md"):
        script = script.replace(file, str(runner.folder / file))
    variables = {f"CI_{name}": "7" for name in ("PROJECT_ID", "MERGE_REQUEST_IID", "API_V4_URL")}

    done = runner.run(script, ENVIRONMENT="dev", GITLAB_NOTE_TOKEN="token", **variables)

    assert done == 0
    note = (runner.folder / "note.md").read_text()
    assert "+ 40 to create" in note
    assert "no database was named; from nothing it would\n  create table" in note
    assert "stack select --create dev\n" in runner.said.read_text()


@pytest.mark.parametrize("status", [0, 1])
def test_a_destroy_whose_preview_fails_does_not_go_on(runner: Runner, status: int) -> None:
    runner.fake("pulumi", "- 40 to delete", status)
    job = WORKFLOWS["destroy"]["jobs"]["preview"]

    done = runner.run(step(job, "Preview the destroy")["run"], ENVIRONMENT="prod")

    assert (done != 0) is bool(status)
    assert runner.said.read_text().endswith(
        "--preview-only --non-interactive --color never --stack prod\n"
    )
    assert "- 40 to delete" in runner.summary.read_text()
