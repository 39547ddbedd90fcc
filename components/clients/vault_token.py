"""Finds the token that vault, bao and the Vault provider would use."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

HELPER_SECONDS = 60
# The file is HCL or JSON, and this the only key that it may have.
TOKEN_HELPER = re.compile(r'"?token_helper"?\s*[=:]\s*"((?:[^"\\]|\\.)*)"')


class TokenError(Exception):
    """Why there is no token; it never has one in it."""


def vault_token(environ: Mapping[str, str] = os.environ) -> str:
    """Return the token of VAULT_TOKEN, of the token helper or of ~/.vault-token.

    Raises:
        TokenError: none of them has one.

    """
    if token := environ.get("VAULT_TOKEN"):
        return token
    helper = _helper(environ)
    file = Path.home() / ".vault-token"
    token = _asked(helper, environ) if helper else file.read_text() if file.is_file() else ""
    if not token.strip():
        where = f"the token helper {helper}" if helper else "~/.vault-token"
        msg = f"no token in VAULT_TOKEN and none in {where}; log in with vault login"
        raise TokenError(msg)
    return token.strip()


def _helper(environ: Mapping[str, str]) -> str:
    file = Path(environ.get("VAULT_CONFIG_PATH") or "~/.vault").expanduser()
    if not file.is_file():
        return ""
    found = TOKEN_HELPER.search(file.read_text())
    return re.sub(r"\\(.)", r"\1", found[1]) if found else ""


def _asked(helper: str, environ: Mapping[str, str]) -> str:
    path = Path(helper).absolute()
    if not path.exists():
        msg = f"no token helper at {path}, which ~/.vault names"
        raise TokenError(msg)
    try:
        # By a shell, as the tools do: what ~/.vault names may have arguments.
        done = subprocess.run(  # noqa: S603 - the user's own configuration
            [environ.get("SHELL") or "/bin/sh", "-c", f"{path} get"],
            capture_output=True,
            text=True,
            timeout=HELPER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"no token of the token helper {path} ({type(error).__name__})"
        raise TokenError(msg) from None
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2]
        msg = f"no token of the token helper {path}, exit status {done.returncode}: {said}"
        raise TokenError(msg)
    return done.stdout
