"""The programs of the dev stack that are built from Go modules."""

from devstack.toolchain import reduced
from devstack.toolchain.golang import Program, required_version

ENGINE = "github.com/pulumi/pulumi/pkg/v3"
PULUMI_VERSION = required_version("pulumi", ENGINE)
KUBERNETES_VERSION = required_version("kubebox", "k8s.io/kubernetes")
API_SERVER_VERSION = required_version("kubebox", "k8s.io/apiserver")
# Its module is required by a pseudo-version, so the release is named here.
KUBERNETES_PROVIDER_VERSION = "4.25.0"
KUBERNETES_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
VAULT_PROVIDER = "github.com/hashicorp/terraform-provider-vault"
BRIDGE = "github.com/pulumi/pulumi-terraform-bridge/v3"
TERRAFORM_SDK = "github.com/hashicorp/terraform-plugin-sdk"
KUBERNETES_PROVIDER_MODULE = (
    f"{KUBERNETES_PROVIDER}@{required_version('provider-kubernetes', KUBERNETES_PROVIDER)}"
)


def _kubernetes_version_variables() -> tuple[str, ...]:
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    values = {
        "gitVersion": KUBERNETES_VERSION,
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "module",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    return tuple(f"k8s.io/component-base/version.{name}={value}" for name, value in values.items())


PULUMI = Program(
    name="pulumi",
    module="pulumi",
    title=f"pulumi {PULUMI_VERSION.removeprefix('v')}",
    package=f"{ENGINE}/cmd/pulumi",
    variables=(f"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={PULUMI_VERSION}",),
    patched=(reduced.engine(f"{ENGINE}@{PULUMI_VERSION}", "engine"),),
)
KUBEBOX = Program(
    name="kubebox",
    module="kubebox",
    title=f"kubebox (Kubernetes {KUBERNETES_VERSION.removeprefix('v')} in one program)",
    tags="providerless,selinux_disabled",
    variables=_kubernetes_version_variables(),
    patched=(
        reduced.kubernetes(f"k8s.io/kubernetes@{KUBERNETES_VERSION}", "kubernetes"),
        reduced.api_server(f"k8s.io/apiserver@{API_SERVER_VERSION}", "apiserver"),
    ),
)
PAUSE = Program(name="pause", module="pause", title="the pause container's program")
PROVIDERS = (
    Program(
        name="pulumi-resource-vault",
        module="provider-vault",
        title="the Vault provider",
        patched=(
            reduced.vault_provider(
                f"{VAULT_PROVIDER}@{required_version('provider-vault', VAULT_PROVIDER)}", "provider"
            ),
            reduced.bridge(f"{BRIDGE}@{required_version('provider-vault', BRIDGE)}", "bridge"),
        ),
    ),
    Program(
        name="pulumi-resource-postgresql",
        module="provider-postgresql",
        title="the PostgreSQL provider",
        patched=(
            reduced.terraform_sdk(
                f"{TERRAFORM_SDK}@{required_version('provider-postgresql', TERRAFORM_SDK)}", "sdk"
            ),
            reduced.bridge(f"{BRIDGE}@{required_version('provider-postgresql', BRIDGE)}", "bridge"),
        ),
    ),
    Program(
        name="pulumi-resource-kubernetes",
        module="provider-kubernetes",
        title=f"the Kubernetes provider {KUBERNETES_PROVIDER_VERSION}",
        variables=(f"{KUBERNETES_PROVIDER}/pkg/version.Version={KUBERNETES_PROVIDER_VERSION}",),
        embeds=(
            KUBERNETES_PROVIDER_MODULE,
            "cmd/pulumi-resource-kubernetes/schema.json",
            "cmd/pulumi-resource-kubernetes/terraform-mapping.json",
        ),
        patched=(reduced.kubernetes_provider(KUBERNETES_PROVIDER_MODULE, "kubernetes"),),
    ),
)
RCLONE = Program(
    name="rclone",
    module="rclone",
    title="rclone with the two backends that a backup needs",
)
# An S3 server for the tests alone: no part of the stack, so none of what is built for it.
S3_SERVER = Program(
    name="versitygw",
    module="versitygw",
    title="the S3 server of the tests",
    package="github.com/versity/versitygw/cmd/versitygw",
)
# In the order of their builds: the first is small, and what the next ones need comes meanwhile.
EVERYTHING = (PAUSE, PULUMI, KUBEBOX, *PROVIDERS)
