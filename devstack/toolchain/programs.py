"""The programs of the dev stack that are built from Go modules."""

from devstack.toolchain.golang import Program, required_version

PULUMI_VERSION = required_version("pulumi", "github.com/pulumi/pulumi/pkg/v3")
KUBERNETES_VERSION = required_version("kubebox", "k8s.io/kubernetes")
# Its module is required by a pseudo-version, so the release is named here.
KUBERNETES_PROVIDER_VERSION = "4.25.0"


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
    cpu_minutes=4,
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    variables=(f"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={PULUMI_VERSION}",),
)
KUBEBOX = Program(
    name="kubebox",
    module="kubebox",
    title=f"kubebox (Kubernetes {KUBERNETES_VERSION.removeprefix('v')} in one program)",
    cpu_minutes=11,
    tags="providerless,selinux_disabled",
    variables=_kubernetes_version_variables(),
)
PAUSE = Program(name="pause", module="pause", title="the pause container's program", cpu_minutes=0)
PROVIDERS = (
    Program(
        name="pulumi-resource-vault",
        module="provider-vault",
        title="the Vault provider",
        cpu_minutes=3,
    ),
    Program(
        name="pulumi-resource-postgresql",
        module="provider-postgresql",
        title="the PostgreSQL provider",
        cpu_minutes=1,
    ),
    Program(
        name="pulumi-resource-kubernetes",
        module="provider-kubernetes",
        title=f"the Kubernetes provider {KUBERNETES_PROVIDER_VERSION}",
        cpu_minutes=18,
        variables=(
            "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version="
            + KUBERNETES_PROVIDER_VERSION,
        ),
        embeds=(
            "github.com/pulumi/pulumi-kubernetes/provider/v4",
            "cmd/pulumi-resource-kubernetes/schema.json",
            "cmd/pulumi-resource-kubernetes/terraform-mapping.json",
        ),
    ),
)
RCLONE = Program(
    name="rclone",
    module="rclone",
    title="rclone with the two backends that a backup needs",
    cpu_minutes=1,
)
# An S3 server for the tests alone: no part of the stack, so none of what is built for it.
S3_SERVER = Program(
    name="versitygw",
    module="versitygw",
    title="the S3 server of the tests",
    cpu_minutes=2,
    package="github.com/versity/versitygw/cmd/versitygw",
)
EVERYTHING = (PULUMI, KUBEBOX, PAUSE, RCLONE, *PROVIDERS)
