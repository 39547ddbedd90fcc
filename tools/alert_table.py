"""Writes docs/alerts.md: what each alert means and what to do, from the rules' annotations."""

import re
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "alerts.md"
RULES = REPOSITORY / "components" / "monitoring" / "rules.yaml"
# Places that a number of the settings fills, by the names that a reader looks up.
SETTINGS = {
    "BYTES_LIMIT": "`monitoringBytesLimit`",
    "FORECAST_DAYS": "`monitoringForecastDays`",
    "VERIFICATION_DAYS": "`monitoringVerificationDays`",
    "RETENTION_HOURS": "`monitoringRetentionHours`",
    "BACKUP_HOURS": "`monitoringBackupHours`",
    "SCHEMA_VERSION": "the program's",
}
# What an alert cannot set as code.
CODE = re.compile(
    r"pulumi up(?: --replace '[^']+'| --refresh)?|kubectl patch .+?\}'|VACUUM|monitoring[A-Z]\w+"
)
LINK = re.compile(r"docs/([\w-]+)\.md")
HEAD = """# Alerts

This page answers: **an alert fired; what does it mean for users, and what do I do?**

Each alert carries the text of its row as annotations: `condition`, `impact`, `command` and
`description`, the cure. There the names of your environment are filled in. Here `NAMESPACE`,
`NAME`, `DATABASE` and `SCHEMA` stand for the settings `namespace`, `name`, `databaseName` and
`databaseSchema`, and `JOB` for the alert's label `job_name`. `psql` finds the server and the login
in its own variables, such as `PGHOST`; log in as an administrator where no role is named.
[Monitoring](monitoring.md) says how the alerts come into your Prometheus.

| Alert | What fires it | What it means for users | First command | Cure |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """Return the whole page."""
    return HEAD + "".join(map(_row, alerts()))


def alerts() -> list[dict[str, Any]]:
    """Return the alerts among the rules, in their order."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def _row(rule: dict[str, Any]) -> str:
    texts = {key: _named(text) for key, text in rule["annotations"].items()}
    cells = [
        f"`{rule['alert']}`, {rule['labels']['severity']}",
        texts["condition"],
        texts["impact"],
        f"`{texts['command']}`",
        LINK.sub(r"[\1](\1.md)", CODE.sub(r"`\g<0>`", texts["description"])),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _named(text: str) -> str:
    """Put names into the places that an environment's values fill."""
    text = text.replace("{{ $labels.job_name }}", "JOB")
    return re.sub("@([A-Z_]+)@", lambda place: SETTINGS.get(place[1], place[1]), text)


if __name__ == "__main__":
    PAGE.write_text(page())
