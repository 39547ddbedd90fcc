#!/usr/bin/env python3
"""Language plugin for programs in Go and TypeScript on machines without the official ones.

Starts the program as those do, and nothing else: it is built, and its packages are installed. The
name that it was started by says which language it is for.
"""

import json
import os
import signal
import subprocess
import sys
from concurrent import futures
from pathlib import Path

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

LANGUAGE = Path(sys.argv[0]).name.removeprefix("pulumi-language-")
BUILT = "built"


class ProgramHost(LanguageServer):
    """The SDK's server for programs in Python, with Run as other languages need it."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def Handshake(self, request, context):
        """Answer the engine's greeting; nothing is negotiated."""
        return language_pb2.LanguageHandshakeResponse()

    def Run(self, request, context):
        """Run the program to its end; what it prints is the engine's to show."""
        folder = Path(request.info.program_directory)
        secrets = list(request.configSecretKeys)
        environ = os.environ | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(secrets),
        }
        named = {
            "monitor": request.monitor_address,
            "engine": request.args[0] if request.args else sys.argv[-1],
            "organization": request.organization,
            "project": request.project,
            "stack": request.stack,
            "parallel": str(request.parallel),
        }
        start = go if LANGUAGE == "go" else typescript
        command, more = start(folder, named, dry_run=request.dryRun)
        done = subprocess.run(command, cwd=folder, env=environ | more, check=False)
        failed = f"the program ended with {done.returncode}" if done.returncode else ""
        return language_pb2.RunResponse(error=failed)


def go(folder: Path, named: dict[str, str], *, dry_run: bool) -> tuple[list[str], dict[str, str]]:
    """Return the command and the variables of a program that was built before."""
    variables = {f"PULUMI_{name.upper()}": value for name, value in named.items()}
    return [str(folder / BUILT)], {**variables, "PULUMI_DRY_RUN": json.dumps(dry_run)}


def typescript(
    folder: Path, named: dict[str, str], *, dry_run: bool
) -> tuple[list[str], dict[str, str]]:
    """Return the command and the variables for the SDK's own runner, which checks types first."""
    options = [f"--{name}={value}" for name, value in named.items()]
    if dry_run:
        options.append("--dry-run")
    runner = str(folder / "node_modules" / "@pulumi" / "pulumi" / "cmd" / "run")
    return ["node", runner, *options, "."], {"PULUMI_NODEJS_TYPESCRIPT": "true"}


def main() -> None:
    """Serve on a free port, print it as the engine expects, and stop at its signal."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(ProgramHost(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: server.stop(grace=None))
    server.wait_for_termination()


if __name__ == "__main__":
    main()
