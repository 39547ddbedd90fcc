"""Prints the program's outputs, read as JSON from standard input, as a table."""

import json
import sys
from typing import Any

NEXT = """
Try next:
  eval "$(python3 -m devstack env)"          pulumi, kubectl, bao and psql now work on this stack
  pulumi up --stack dev --expect-no-changes  nothing to do
  kubectl -n {namespace} logs --all-containers --ignore-errors job/{migrationJob}
  psql -c '\\dt'                              the tables
  make destroy                               roll back; refuses while tables hold rows
  make down                                  stop the stack"""


def render(outputs: dict[str, Any]) -> str:
    """Return the verification report of a stack's outputs as aligned text."""
    report = outputs["verification"]
    lines = [
        "",
        f"Schema version {report['version']} in {report['database']}.{report['schema']}, "
        f"PostgreSQL {report['server']}, verified as {report['role']}",
        "",
    ]
    lines += [f"  {name:<14} {'ok' if ok else 'FAILED'}" for name, ok in report["checks"].items()]
    lines += [f"  warning: {warning}" for warning in report.get("warnings") or ()]
    lines += ["", f"  {'table':<24}{'rows':>8}{'bytes':>12}"]
    for table, size in report["tables"].items():
        lines.append(f"  {table:<24}{size['rows']:>8.0f}{size['bytes']:>12.0f}")
    lines += ["", "The application logs in with:"]
    lines += [f"  {key:<16} {value}" for key, value in outputs["application"].items()]
    return "\n".join(lines) + "\n" + NEXT.format(**outputs)


if __name__ == "__main__":
    print(render(json.load(sys.stdin)))
