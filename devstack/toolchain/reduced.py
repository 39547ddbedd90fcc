"""What the embedded engine and providers leave out, and the switch that leaves it in.

Nothing here is called in this project, and compiling it cost more than half of the first start:
docs/decisions/0026-what-the-embedded-tools-leave-out.md.
"""

import os
from typing import Any

from devstack.toolchain.patched import Patched

COMPLETE = "DEVSTACK_COMPLETE_TOOLS"

Edit = tuple[str, str, str]
Span = tuple[str, str, str, str]

_COMMANDS = "clispec|cloud|deployment|insights|logs|neo|org|trace"

# Each ends with the brace of its own indentation; what they leave unused is absent.
_ENGINE_SPANS: tuple[Span, ...] = (
    ("backend/diy/backend.go", "\tif p.Scheme == gcsblob.Scheme {\n", "\n\t}\n", ""),
    (
        "secrets/cloud/manager.go",
        "\tu, err := netUrl.Parse(url)\n",
        "\tdefault:\n\t\treturn gosecrets.OpenKeeper(ctx, url)\n\t}\n",
        "\treturn gosecrets.OpenKeeper(ctx, url)\n",
    ),
    (
        "operations/resources.go",
        "\tswitch ops.resource.State.Type.Package() {\n",
        "\n\t}\n",
        "\treturn nil, nil\n",
    ),
    *(
        (f"cmd/pulumi/cmd/{file}.go", "\tvar apiErr *cloud.APIError\n", "\n\t}\n", "")
        for file in ("cmd", "exit_codes")
    ),
)
_ENGINE_EDITS: tuple[Edit, ...] = (
    ("backend/diy/bucket.go", "var input *awss3.CopyObjectInput", "var input *copyInput"),
    (
        "backend/diy/bucket.go",
        "func fixupS3CopySource(input *awss3.CopyObjectInput) {",
        "type copyInput struct{ CopySource *string }\n\nfunc fixupS3CopySource(input *copyInput) {",
    ),
)


def engine(module: str, folder: str) -> Patched:
    """Leave out the clouds' storage, keys and logs, and commands for Pulumi's own service."""
    return _unless_complete(
        module,
        folder,
        absent=(
            "authhelpers",
            "backend/diy/postgres",
            *(f"operations/operations_{kind}.go" for kind in ("aws", "cloud_aws", "gcp")),
        ),
        without=(
            ("backend/diy/bucket.go", "service/s3"),
            (
                "backend/diy/backend.go",
                r"azureblob|v3/authhelpers|s3blob|gocloud.dev/blob/gcsblob|diy/postgres",
            ),
            (
                "secrets/cloud/manager.go",
                r"secrets/(\w+kms|azurekeyvault|hashivault)|cloudkms/v1|v3/authhelpers|net/url",
            ),
            (
                "cmd/pulumi/pulumi.go",
                rf"cmd/pulumi/({_COMMANDS}|do|env)|({_COMMANDS}|cmdDo|cmdEnv)\.(New|With)\w+",
            ),
            *((f"cmd/pulumi/cmd/{file}.go", "cmd/pulumi/cloud") for file in ("cmd", "exit_codes")),
        ),
        spans=_ENGINE_SPANS,
        edits=_ENGINE_EDITS,
    )


def kubernetes_provider(module: str, folder: str) -> Patched:
    """Leave out Helm, kustomize and the groups of YAML files."""
    parts = ("helm", "kustomize", "yaml")
    files = ("helm_release", "invoke_helm_template", "invoke_kustomize")
    return _unless_complete(
        module,
        folder,
        absent=(
            "pkg/helm",
            *(f"pkg/provider/{part}" for part in parts),
            *(f"pkg/provider/{file}.go" for file in files),
        ),
        without=(("pkg/provider/provider_construct.go", r"provider(helmv4|kustomizev2|yamlv2)"),),
        added=(("reduced/left_out.go", "pkg/provider/left_out.go"),),
        # The engine's release, on which the provider is built, points at what may be absent.
        adapted=(("pkg/gen/schema.go", "Provider: pschema.Res", "Provider: &pschema.Res"),),
    )


def kubernetes(module: str, folder: str) -> Patched:
    """Leave out helpers of tests, which bring a fake of every client."""
    return _unless_complete(module, folder, absent=("pkg/scheduler/backend/queue/testing.go",))


def api_server(module: str, folder: str) -> Patched:
    """Leave out helpers of tests, which bring a fake of every client."""
    helper = "pkg/admission/plugin/policy/generic/policy_test_context.go"
    return _unless_complete(module, folder, absent=(helper,))


def vault_provider(module: str, folder: str) -> Patched:
    """Leave out credentials for clouds, and all of Vault that its settings bring."""
    sources = ("aws", "azure")
    return _unless_complete(
        module,
        folder,
        absent=tuple(f"vault/data_source_{cloud}_access_credentials.go" for cloud in sources),
        spans=tuple(
            ("vault/provider.go", f'\t\t"vault_{cloud}_access_credentials": {{\n', "\n\t\t},\n", "")
            for cloud in sources
        ),
        edits=(
            ("vault/provider.go", "vault/command/config", "vault/command/token"),
            (
                "vault/provider.go",
                "tokenHelper, err := config.DefaultTokenHelper()",
                "tokenHelper, err := tokens.NewInternalTokenHelper()",
            ),
            (
                "vault/provider.go",
                '	"github.com/hashicorp/vault/command/token"',
                '	tokens "github.com/hashicorp/vault/command/token"',
            ),
        ),
    )


def terraform_sdk(module: str, folder: str) -> Patched:
    """Leave out the installer of providers, which brings the clouds' storage."""
    files = ("get", "hashicorp", "signature")
    return _unless_complete(
        module, folder, absent=tuple(f"internal/plugin/discovery/{file}.go" for file in files)
    )


def bridge(module: str, folder: str) -> Patched:
    """Adapt Pulumi's bridge to the engine's release, whose schema may have no provider."""
    file = "pkg/x/muxer/mapping.go"
    return Patched(
        module,
        folder,
        edits=(
            (file, "Provider = schema.ResourceSpec{}", "Provider = &schema.ResourceSpec{}"),
            (
                file,
                "layerProvider(&m.dstSchema.Provider, m.srcSchema.Provider)",
                "layerProvider(m.dstSchema.Provider, *m.srcSchema.Provider)",
            ),
        ),
    )


def _unless_complete(
    module: str, folder: str, *, adapted: tuple[Edit, ...] = (), **changes: Any
) -> Patched:
    if os.environ.get(COMPLETE):
        return Patched(module, folder, edits=adapted)
    return Patched(module, folder, **{**changes, "edits": (*adapted, *changes.get("edits", ()))})
