"""What in a kubeconfig this program, its providers or kubectl itself cannot work with."""

from collections.abc import Iterator, Mapping
from typing import Any

from .proxies import ProxyError, checked

EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
AT_MOST_ONE = (
    ("certificate-authority", "certificate-authority-data"),
    ("insecure-skip-tls-verify", "certificate-authority"),
    ("insecure-skip-tls-verify", "certificate-authority-data"),
    ("client-certificate", "client-certificate-data"),
    ("client-key", "client-key-data"),
    ("token", "username"),
)


class KubeconfigError(ValueError):
    """What is wrong with a kubeconfig, in words that quote nothing of it: it holds credentials."""


def refuse(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> None:
    """Refuse what would fail later, in the midst of the work.

    Raises:
        KubeconfigError: the first thing that is wrong.

    """
    for problem in (*_of_cluster(cluster), *_of_user(user), *_pairs({**cluster, **user})):
        raise KubeconfigError(problem)


def _pairs(fields: Mapping[str, Any]) -> Iterator[str]:
    for one, other in AT_MOST_ONE:
        if fields.get(one) and fields.get(other):
            yield f"expected {one} or {other}, found both"


def _of_cluster(cluster: Mapping[str, Any]) -> Iterator[str]:
    if not str(cluster["server"]).startswith(("https://", "http://")):
        yield "expected a server that begins with https://, found another one"
    if proxy := cluster.get("proxy-url"):
        try:
            checked(proxy)
        except ProxyError as error:
            yield f"proxy-url: {error}"


def _of_user(user: Mapping[str, Any]) -> Iterator[str]:
    if "auth-provider" in user:
        yield (
            "expected a token, a certificate or an exec plugin, found auth-provider; use the exec "
            "plugin that took its place"
        )
    if any(user.get(f"client-certificate{kind}") for kind in ("", "-data")) and not any(
        user.get(f"client-key{kind}") for kind in ("", "-data")
    ):
        yield "expected client-key or client-key-data beside the client certificate, found neither"
    if not user.get("as") and any(user.get(f"as-{of}") for of in ("uid", "groups", "user-extra")):
        yield "expected as beside as-uid, as-groups and as-user-extra, found none"
    if plugin := user.get("exec"):
        yield from _of_plugin(plugin)


def _of_plugin(plugin: Mapping[str, Any]) -> Iterator[str]:
    version, mode = plugin.get("apiVersion"), plugin.get("interactiveMode")
    if version not in EXEC_VERSIONS:
        yield f"expected exec of {' or '.join(EXEC_VERSIONS)}, found another apiVersion; renew it"
    if not plugin.get("command"):
        yield "expected a command in exec, found none"
    if mode == "Always":
        # Neither a hook nor a provider has a terminal.
        yield "expected exec with interactiveMode IfAvailable or Never, found Always"
    if version == EXEC_VERSIONS[0] and not mode:
        yield "expected interactiveMode in exec of client.authentication.k8s.io/v1, found none"
