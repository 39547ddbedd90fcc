"""The command line of the embedded stack."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from devstack import environment, layout, machine, stack
from devstack.errors import StackError
from devstack.toolchain import archive


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        layout.check_name(options.name)
        return options.run(options)
    except StackError as error:
        print(f"devstack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("devstack: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m devstack", description=stack.__doc__)
    parser.add_argument(
        "--name",
        default=os.environ.get("DEVSTACK_NAME") or "dev",
        help="the stack, $DEVSTACK_NAME or %(default)s if not given",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("up", help="start the stack").set_defaults(run=_up)
    down = commands.add_parser("down", help="stop the stack, its data stays")
    down.add_argument("--purge", action="store_true", help="remove its data too")
    down.set_defaults(run=_down)
    commands.add_parser("status", help="show its parts").set_defaults(run=_status)
    commands.add_parser("env", help="print variables for eval").set_defaults(run=_env)
    logs = commands.add_parser("logs", help="print logs")
    logs.add_argument("part", nargs="?", help="of this part only")
    logs.add_argument("-f", "--follow", action="store_true", help="wait for more")
    logs.set_defaults(run=_logs)
    pack = commands.add_parser("pack", help="write an archive of the programs, and its checksum")
    pack.add_argument("file", type=Path)
    pack.set_defaults(run=_pack)
    commands.add_parser("doctor", help="check this machine").set_defaults(run=_doctor)
    return parser


def _reporter() -> Callable[[str], None]:
    start = time.monotonic()
    # one write a line, because several parts report at once
    return lambda text: print(f"{time.monotonic() - start:6.1f} s  {text}\n", end="", flush=True)


def _up(options: argparse.Namespace) -> int:
    stack.up(options.name, _reporter())
    print(f'next: eval "$(python3 -m devstack --name {options.name} env)"')
    return 0


def _down(options: argparse.Namespace) -> int:
    stack.down(options.name, _reporter(), purge=options.purge)
    return 0


def _status(options: argparse.Namespace) -> int:
    parts = stack.status(options.name)
    for part in parts:
        print(f"{part.name:<24} {part.state:<10} {part.pid or '':>8}".rstrip())
    return 0 if all(part.ready for part in parts) else 1


def _env(options: argparse.Namespace) -> int:
    print(environment.shell(options.name))
    return 0


def _logs(options: argparse.Namespace) -> int:
    folder = layout.load(options.name).logs
    files = sorted(folder.glob(f"{options.part or '*'}.log"))
    current = [path for path in files if options.part or ".previous" not in path.name]
    if not current:
        known = ", ".join(sorted(path.stem for path in folder.glob("*.log")))
        message = f"expected one of {known or 'no part, as none has started'}, found {options.part}"
        raise StackError(message)
    sys.stdout.flush()
    follow = ["--follow=name", "--retry"] if options.follow else []
    os.execvp("tail", ["tail", "--lines=+1", *follow, "--", *map(str, current)])


def _pack(options: argparse.Namespace) -> int:
    archive.pack(options.file, _reporter())
    return 0


def _doctor(_: argparse.Namespace) -> int:
    found = machine.problems()
    for problem in found:
        print(problem)
    if not found:
        print("this machine can run the embedded stack")
    return 1 if found else 0
