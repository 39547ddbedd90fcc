"""Helm and Argo CD's engine, built once like the stack's own tools."""

from pathlib import Path

from devstack.toolchain import golang

HELM = golang.Program(
    name="helm",
    module=str(Path(__file__).with_name("go") / "helm"),
    title="Helm",
    package="helm.sh/helm/v3/cmd/helm",
)
GITOPS_ENGINE = golang.Program(
    name="gitops-engine",
    module=str(Path(__file__).with_name("go") / "gitops-engine"),
    title="Argo CD's engine",
)


def helm() -> Path:
    """Return the program."""
    return golang.build(HELM, lambda _: None)


def gitops_engine() -> Path:
    """Return the program, see its main.go."""
    return golang.build(GITOPS_ENGINE, lambda _: None)
