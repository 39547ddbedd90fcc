"""HashiCorp's own Vault, built for the tests of vault-init alone: see `make soak-vault`.

What no test needs is left out: with the plugins of clouds and databases a release takes four times
as long. What remains is Vault's own: server, agent, command line, KV and the Kubernetes login.
"""

import sys
from pathlib import Path

from devstack.toolchain import golang
from devstack.toolchain.golang import Program
from devstack.toolchain.patched import Patched

MODULES = Path(__file__).with_name("go")
MODULE = "github.com/hashicorp/vault"
DISCOVER = "github.com/hashicorp/go-discover"
SEALS = ("alicloudkms", "awskms", "azurekeyvault", "gcpckms", "ocikms")
KMS = "internalshared/configutil/kms.go"
MINIMAL = "helper/builtinplugins/registry_min.go"
KUBERNETES = '"github.com/hashicorp/vault-plugin-auth-kubernetes"'

# In both releases: the logins of the agent, the seals and the discovery of servers in clouds.
WITHOUT = (
    ("command/agentproxyshared/helpers.go", "alicloud|aws|azure|cf|gcp|kerberos|oci|ldap|pcf"),
    ("internalshared/configutil/env_var_util.go", "|".join(SEALS)),
    (KMS, rf"wrappers/({'|'.join(SEALS)})/v2|ocikms\.Kms\w+"),
    ("vault/raft.go", "discoverk8s"),
)
EDITS = tuple((KMS, f"{seal}.NewWrapper()", "aeadwrapper.NewWrapper()") for seal in SEALS)
# The driver for Snowflake stays: it is what makes a cache in HOME.
PLUGINS = (
    (
        "helper/builtinplugins/registry.go",
        r"(cred(?!Kube|JWT|AppRole|Userpass)|db(?!Snowflake)"
        r"|logical(?!Backend|Kv|Pki|Ssh|Totp|Transit))[A-Z]\w*",
    ),
    ("command/commands.go", r"(cred(?!Token|Userpass|OIDC|Cert)|phys(?!Raft|Inmem|File))[A-Z]\w*"),
)


def _discover(version: str) -> Patched:
    names = r"provider/\w+|\w+\.Provider"
    return Patched(f"{DISCOVER}@{version}", "discover", without=(("discover.go", names),))


# A release is made with the SDK of its own folder, which is published under no version: the
# nearest one has to be changed where it differs.
VAULT_1_15 = Program(
    name="vault-1.15",
    module=str(MODULES / "vault-1.15"),
    title="Vault 1.15.6",
    patched=(
        Patched(
            f"{MODULE}/sdk@v0.10.2",
            "sdk",
            others=(("v0.11.0", "logical/audit.go"), ("v0.11.0", "logical/request.go")),
        ),
        Patched(f"{MODULE}@v1.15.6", "vault", edits=EDITS, without=(*WITHOUT, *PLUGINS)),
        _discover("v0.0.0-20210818145131-c573d69da192"),
    ),
)
VAULT_1_21 = Program(
    name="vault-1.21",
    module=str(MODULES / "vault-1.21"),
    title="Vault 1.21.4",
    tags="minimal",
    patched=(
        Patched(
            f"{MODULE}/sdk@v0.21.0",
            "sdk",
            edits=(
                (
                    "framework/backend.go",
                    "func(context.Context, *logical.Request, string) error",
                    "func(context.Context, *logical.Request) error",
                ),
            ),
        ),
        Patched(
            f"{MODULE}@v1.21.4",
            "vault",
            without=WITHOUT,
            edits=(
                *EDITS,
                *((KMS, f"{seal}.WithDis", "wrapping.WithDis") for seal in SEALS[1:3]),
                (
                    "builtin/logical/transit/path_restore.go",
                    "restoredKeyName, err := b.lm",
                    "restoredKeyName, err := keyName, b.lm",
                ),
                (
                    MINIMAL,
                    "package builtinplugins",
                    f"package builtinplugins\n\nimport {KUBERNETES}",
                ),
                (
                    MINIMAL,
                    "(_ *registry) {",
                    '(r *registry) {\n\tr.credentialBackends["kubernetes"] ='
                    " credentialBackend{Factory: kubeauth.Factory}",
                ),
            ),
        ),
        _discover("v1.1.1-0.20250922102917-55e5010ad859"),
    ),
)
VAULTS = {"1.15.6": VAULT_1_15, "1.21.4": VAULT_1_21}


def vault(version: str) -> Path:
    """Return the program of a release."""
    return golang.build(VAULTS[version], lambda text: print(text, file=sys.stderr))


if __name__ == "__main__":
    print(vault(sys.argv[1]))
