"""Asks a kubeconfig's exec plugin for a login, as client-go does.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# A plugin may wait for somebody to log in with a browser.
PLUGIN_SECONDS = 120
EXTENSION = "client.authentication.k8s.io/exec"
OF_CLUSTER = (
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "certificate-authority-data",
    "proxy-url",
)


class PluginError(Exception):
    """Why a plugin gave no login."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """What a client shows to the API server; empty where it has none of a kind."""

    authorization: str = ""
    certificate: str = ""
    key: str = ""
    expires: datetime | None = None

    def is_over(self) -> bool:
        """Tell whether its own end has passed."""
        return self.expires is not None and self.expires <= datetime.now(UTC)


def ask(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> Login:
    """Run the plugin.

    Raises:
        PluginError: it is missing, fails or answers with something else.

    """
    name = f"exec plugin {Path(plugin['command']).name}"
    output = _run(name, plugin, _request(plugin, cluster))
    try:
        answer = json.loads(output)
        version, status = answer["apiVersion"], answer["status"]
        login = Login(
            authorization=f"Bearer {status['token']}" if status.get("token") else "",
            certificate=status.get("clientCertificateData") or "",
            key=status.get("clientKeyData") or "",
            expires=_time(status.get("expirationTimestamp")),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        # Without the cause, which would quote an answer that holds a credential.
        msg = f"expected an ExecCredential of {name}, found other output ({type(error).__name__})"
        raise PluginError(msg) from None
    if version != plugin["apiVersion"]:
        msg = f"expected {name} to answer in the kubeconfig's apiVersion, found another one"
        raise PluginError(msg)
    if not (login.authorization or login.certificate) or bool(login.certificate) != bool(login.key):
        msg = f"expected a token or a certificate with its key of {name}, found none"
        raise PluginError(msg)
    return login


def _run(name: str, plugin: Mapping[str, Any], request: str) -> str:
    variables: list[dict[str, str]] = plugin.get("env") or []
    environ = {each["name"]: each["value"] for each in variables}
    try:
        done = subprocess.run(  # noqa: S603 - what the kubeconfig names, as kubectl does
            [plugin["command"], *(plugin.get("args") or [])],
            env={**os.environ, **environ, "KUBERNETES_EXEC_INFO": request},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PLUGIN_SECONDS,
            check=False,
        )
    except OSError as error:
        hint = f"; {' '.join(plugin['installHint'].split())}" if plugin.get("installHint") else ""
        msg = f"expected {name} to start, found {error.strerror}{hint}"
        raise PluginError(msg) from None
    except subprocess.TimeoutExpired:
        msg = f"expected {name} to answer within {PLUGIN_SECONDS} s"
        raise PluginError(msg) from None
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2] or "nothing"
        msg = f"expected a login of {name}, found exit status {done.returncode}: {said}"
        raise PluginError(msg)
    return done.stdout


def _request(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> str:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        extensions: list[dict[str, Any]] = cluster.get("extensions") or []
        configs = {each["name"]: each["extension"] for each in extensions}
        spec["cluster"] = {key: cluster[key] for key in OF_CLUSTER if key in cluster}
        if EXTENSION in configs:
            spec["cluster"]["config"] = configs[EXTENSION]
    return json.dumps({"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": spec})


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
