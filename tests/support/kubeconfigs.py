"""Kubeconfigs as people have them, each a change of the stack's own."""

import base64
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.proxies import ConnectProxy, SocksProxy

V1, V1BETA1 = (f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1"))
Part = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The stack's cluster and its administrator, and a folder for files."""

    folder: Path
    cluster: Part
    user: Part
    token: str
    expired: str
    connect: ConnectProxy
    over_tls: ConnectProxy
    socks: SocksProxy
    environ: dict[str, str] = field(default_factory=dict[str, str])

    def write(self, *, name: str = "config", **parts: Part | None) -> str:
        """Write a kubeconfig with some of context, cluster and user; return its path."""
        entries = {
            "context": {"cluster": "c", "user": "u"},
            "cluster": self.cluster,
            "user": self.user,
        } | parts
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here" if entries["context"] else "",
            **{
                f"{kind}s": [{"name": called, kind: entries[kind]}] if entries[kind] else []
                for kind, called in (("context", "here"), ("cluster", "c"), ("user", "u"))
            },
        }
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(document))
        return str(path)

    def plugin(self, status: Mapping[str, str], version: str = V1, name: str = "plugin") -> Path:
        """Write an exec plugin that answers with this status."""
        answer = {"apiVersion": version, "kind": "ExecCredential", "status": dict(status)}
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\nprintf '%s' {shlex.quote(json.dumps(answer))}\n")
        path.chmod(0o755)
        return path

    def exec(self, command: Path | str, version: str = V1, **more: Any) -> Part:
        """Return a user whose login a plugin gives."""
        mode = {"interactiveMode": "Never"} if version == V1 else {}
        return {"exec": {"apiVersion": version, "command": str(command), **mode, **more}}

    def pem(self, key: str) -> str:
        """Return the text of a field with data."""
        return base64.b64decode((self.cluster | self.user)[f"{key}-data"]).decode()

    def file(self, name: str, content: str) -> str:
        """Write a file into the folder; return its name, which is relative."""
        (self.folder / name).write_text(content)
        return name


Variant = Callable[[Ground], str]


def _cluster(**fields: Any) -> Variant:
    named = {key.replace("_", "-"): value for key, value in fields.items()}
    return lambda ground: ground.write(cluster=ground.cluster | named)


def _as(**fields: Any) -> Variant:
    named = {key.replace("_", "-").rstrip("-"): value for key, value in fields.items()}
    return lambda ground: ground.write(user=ground.user | named)


def _proxy(kind: str, **fields: str) -> Variant:
    return lambda ground: ground.write(
        cluster=ground.cluster | {"proxy-url": getattr(ground, kind).url} | fields
    )


def _environ(**values: str) -> Variant:
    """Set variables; `{connect}`, `{socks}`, `{host}` and `{port}` stand for what they name."""

    def variant(ground: Ground) -> str:
        host, _, port = ground.cluster["server"].removeprefix("https://").rpartition(":")
        names = {"host": host, "port": port, "range": f"{host.rpartition('.')[0]}.0/24"}
        urls = {"connect": ground.connect.url, "socks": ground.socks.url}
        bare = {"bare": ground.connect.url.removeprefix("http://")}
        for key, value in values.items():
            ground.environ[key] = value.format(**names, **urls, **bare)
        return ground.write()

    return variant


def _token_file(ground: Ground) -> str:
    return ground.write(user={"tokenFile": ground.file("token", ground.token)})


def _files(ground: Ground) -> str:
    """Name all files relative to the kubeconfig, as minikube does."""
    named = {
        key: ground.file(f"{key}.pem", ground.pem(key))
        for key in ("client-certificate", "client-key", "certificate-authority")
    }
    authority = {"certificate-authority": named.pop("certificate-authority")}
    return ground.write(cluster={"server": ground.cluster["server"]} | authority, user=named)


def _two_files(ground: Ground) -> str:
    """Let the first file have the cluster and the second the user, and another such cluster."""
    first = ground.write(name="a/config", user=None)
    elsewhere = ground.cluster | {"server": "https://127.0.0.1:1"}
    second = ground.write(name="b/config", cluster=elsewhere, context=None)
    return f"{first}:{ground.folder / 'missing'}:{second}"


def _context_of_the_second(ground: Ground) -> str:
    first = ground.write(name="a/config", context=None)
    return f"{first}:{ground.write(name='b/config', cluster=None, user=None)}"


def _beside_each_file(ground: Ground) -> str:
    """Name a file relative to the second of two kubeconfigs."""
    first = ground.write(name="a/config", user=None)
    second = ground.write(
        name="b/config", cluster=None, context=None, user={"tokenFile": "../token"}
    )
    ground.file("token", ground.token)
    return f"{first}:{second}"


def _exec(version: str = V1, **more: Any) -> Variant:
    return lambda ground: ground.write(
        user=ground.exec(ground.plugin({"token": ground.token}, version), version, **more)
    )


def _exec_certificate(ground: Ground) -> str:
    status = {
        "clientCertificateData": ground.pem("client-certificate"),
        "clientKeyData": ground.pem("client-key"),
    }
    return ground.write(user=ground.exec(ground.plugin(status)))


def _exec_relative(ground: Ground) -> str:
    ground.plugin({"token": ground.token})
    return ground.write(user=ground.exec("./bin/plugin"))


def _exec_in_path(ground: Ground) -> str:
    plugin = ground.plugin({"token": ground.token}, name="some-login")
    ground.environ["PATH"] = f"{plugin.parent}:{ground.environ['PATH']}"
    return ground.write(user=ground.exec("some-login"))


def _exec_script(text: str, **more: Any) -> Variant:
    def variant(ground: Ground) -> str:
        plugin = ground.plugin({})
        plugin.write_text(f"#!/bin/sh\n{text.replace('TOKEN', ground.token)}\n")
        return ground.write(user=ground.exec(plugin, **more))

    return variant


ANSWER = (
    '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
    '"status":{"token":"TOKEN"}}'
)
ASKS_FOR_THE_CLUSTER = (
    'case $KUBERNETES_EXEC_INFO in *\'"server":\'*) ;; *) echo "no cluster" >&2; exit 1 ;; esac\n'
    f"echo '{ANSWER}'"
)
WANTS_ARGUMENTS = f'[ "$1 $WHO" = "get me" ] || exit 3\necho \'{ANSWER}\''

# What works with kubectl works here, by the same way and as the same user.
WORKS: dict[str, Variant] = {
    "as the stack has it": lambda ground: ground.write(),
    "proxy-url": _proxy("connect"),
    "proxy-url over TLS": _proxy("over_tls"),
    "proxy-url of a SOCKS proxy": _proxy("socks"),
    "proxy-url is not for NO_PROXY": lambda ground: (
        ground.environ.update(NO_PROXY="*") or _proxy("connect")(ground)
    ),
    "proxy-url and tls-server-name": _proxy("connect", **{"tls-server-name": "kubernetes"}),
    "SOCKS and tls-server-name": _proxy("socks", **{"tls-server-name": "kubernetes"}),
    "HTTPS_PROXY": _environ(HTTPS_PROXY="{connect}"),
    "https_proxy without a scheme": _environ(https_proxy="{bare}"),
    "HTTPS_PROXY of a SOCKS proxy": _environ(HTTPS_PROXY="{socks}"),
    "NO_PROXY with the host": _environ(HTTPS_PROXY="{socks}", NO_PROXY="a.b, {host}"),
    "NO_PROXY with a range": _environ(HTTPS_PROXY="{connect}", no_proxy="{range}"),
    "NO_PROXY with the port": _environ(HTTPS_PROXY="{connect}", NO_PROXY="{host}:{port}"),
    "NO_PROXY with another port": _environ(HTTPS_PROXY="{connect}", NO_PROXY="{host}:1"),
    "ALL_PROXY": _environ(ALL_PROXY="{connect}"),
    "fields that say nothing": _cluster(certificate_authority="", proxy_url="", tls_server_name=""),
    "tls-server-name": _cluster(tls_server_name="kubernetes.default.svc"),
    "as": _as(as_="deployer"),
    "as in full": _as(
        as_="deployer",
        as_groups=["system:masters", "deployers"],
        as_uid="7",
        as_user_extra={"Reason%": ["one", "two"]},
    ),
    "two files": _two_files,
    "the second file has the context": _context_of_the_second,
    "a file beside the second kubeconfig": _beside_each_file,
    "files beside the kubeconfig": _files,
    "tokenFile beside the kubeconfig": _token_file,
    "exec v1": _exec(),
    "exec v1beta1": _exec(V1BETA1),
    "exec that returns a certificate": _exec_certificate,
    "exec beside the kubeconfig": _exec_relative,
    "exec in PATH": _exec_in_path,
    "exec that asks for the cluster": _exec_script(ASKS_FOR_THE_CLUSTER, provideClusterInfo=True),
    "exec with arguments and variables": _exec_script(
        WANTS_ARGUMENTS, args=["get"], env=[{"name": "WHO", "value": "me"}]
    ),
    "a certificate before exec": lambda ground: ground.write(
        user=ground.user | ground.exec("/no/such/plugin")
    ),
    "insecure-skip-tls-verify": lambda ground: ground.write(
        cluster={"server": ground.cluster["server"], "insecure-skip-tls-verify": True}
    ),
}
# What kubectl refuses, and the sentence here.
FAILS: dict[str, tuple[Variant, str]] = {
    "proxy-url of another kind": (
        _cluster(proxy_url="ftp://127.0.0.1:1"),
        "proxy-url: expected a proxy as SCHEME://HOST:PORT",
    ),
    "proxy-url where nobody listens": (
        _cluster(proxy_url="http://127.0.0.1:1"),
        "Connection refused",
    ),
    "tls-server-name of another server": (
        _cluster(tls_server_name="other.example"),
        "certificate is not valid for 'other.example'",
    ),
    "as-groups without as": (_as(as_groups=["g"]), "expected as beside as-uid"),
    "as without the right": (
        lambda ground: ground.write(user={"token": ground.token, "as": "admin"}),
        "cannot impersonate",
    ),
    "a context without a user": (
        lambda ground: ground.write(context={"cluster": "c"}),
        "system:anonymous",
    ),
    "a user that is not there": (
        lambda ground: ground.write(context={"cluster": "c", "user": "nobody"}),
        "the user that it names, found none",
    ),
    "a cluster that is not there": (
        lambda ground: ground.write(context={"cluster": "none", "user": "u"}),
        "expected a kubeconfig with the context",
    ),
    "an expired token": (
        lambda ground: ground.write(user={"token": ground.expired}),
        "it has ended or is unknown; log in again and run pulumi up",
    ),
    "username and password": (
        lambda ground: ground.write(user={"username": "a", "password": "b"}),
        "system:anonymous",
    ),
    "token and username": (_as(token="t", username="u"), "expected token or username, found both"),
    "insecure with a CA": (
        _cluster(insecure_skip_tls_verify=True),
        "expected insecure-skip-tls-verify or certificate-authority-data, found both",
    ),
    "two CAs": (_cluster(certificate_authority="ca.pem"), "found both"),
    "a CA that is not there": (
        lambda ground: ground.write(
            cluster={"server": ground.cluster["server"], "certificate-authority": "none.pem"}
        ),
        "No such file or directory",
    ),
    "a CA that is none": (
        lambda ground: ground.write(
            cluster=ground.cluster | {"certificate-authority-data": "aGVsbG8="}
        ),
        "expected certificates in PEM in certificate-authority",
    ),
    "a certificate without a key": (
        lambda ground: ground.write(
            user={"client-certificate-data": ground.user["client-certificate-data"]}
        ),
        "expected client-key or client-key-data",
    ),
    "exec v1alpha1": (
        _exec("client.authentication.k8s.io/v1alpha1"),
        "found another apiVersion; renew it",
    ),
    "exec v1 without interactiveMode": (_exec(interactiveMode=""), "expected interactiveMode"),
    "exec that wants a terminal": (_exec(interactiveMode="Always"), "found Always"),
    "exec that is not there": (
        lambda ground: ground.write(
            user=ground.exec("/no/such/plugin", installHint="install\nit first")
        ),
        "expected exec plugin plugin to start, found No such file or directory; install it first",
    ),
    "exec whose login has expired": (
        _exec_script("echo 'token expired: log in with some-login' >&2; exit 1"),
        "found exit status 1: token expired: log in with some-login",
    ),
    "exec that returns nothing": (_exec_script("true"), "found other output (JSONDecodeError)"),
    "exec that returns neither": (
        lambda ground: ground.write(user=ground.exec(ground.plugin({}))),
        "expected a token or a certificate with its key",
    ),
    "exec that returns another version": (
        lambda ground: ground.write(
            user=ground.exec(ground.plugin({"token": ground.token}, V1BETA1))
        ),
        "to answer in the kubeconfig's apiVersion",
    ),
    "exec that returns a token of yesterday": (
        lambda ground: ground.write(user=ground.exec(ground.plugin({"token": ground.expired}))),
        "it has ended or is unknown",
    ),
}
# What kubectl may still do, and the provider or a program without a terminal may not.
REFUSED: dict[str, tuple[Variant, str]] = {
    "auth-provider": (
        lambda ground: ground.write(
            user={"auth-provider": {"name": "oidc", "config": {"id-token": ground.token}}}
        ),
        "found auth-provider; use the exec plugin",
    ),
    "a server without a scheme": (
        lambda ground: ground.write(
            cluster=ground.cluster | {"server": ground.cluster["server"].removeprefix("https://")}
        ),
        "expected a server that begins with https://",
    ),
}
