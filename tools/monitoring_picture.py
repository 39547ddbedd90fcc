"""Draws docs/monitoring.svg: the dashboard's own queries, answered by a real Prometheus.

What the collector's SQL says of two weeks of load, written into a real PostgreSQL with the ids of
each hour, is given to Prometheus at that hour's time, then the rules are evaluated. No Kubernetes
takes part, so nothing is shown of Jobs.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import httpx2
import yaml
from msgspec.structs import replace

from components.inputs.storage import CheckpointStorageArgs
from components.monitoring.files import FILES, rules
from devstack.toolchain import golang
from tests.maintenance.test_metrics import HOUR
from tests.support.monitoring import ARGS, PROMETHEUS, PROMTOOL
from tests.support.monitoring_history import DAYS, openmetrics
from tests.support.postgres import _free_port

PICTURE = Path(__file__).parents[1] / "docs" / "monitoring.svg"
COLORS = ("#3274d9", "#37872d", "#fa6400", "#8f3bb8", "#c4162a")
WIDTH, UNIT = 50, 34


def passes(args: CheckpointStorageArgs) -> Iterator[dict[str, Any]]:
    """Yield the recording rules of growth, each after those that it reads."""
    left = [it for it in rules(args)["groups"][0]["rules"] if "record" in it]
    while left:
        ready = [
            it for it in left if not any(f"{other['record']}{{" in it["expr"] for other in left)
        ]
        left = [it for it in left if it not in ready]
        yield {"groups": [{"name": "ready", "rules": ready}]}


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """Run Prometheus on the data in `folder`; yield its address."""
    # An observation an hour instead of one a minute: each counts until the next one.
    (folder / "prometheus.yml").write_text("{}")
    address = f"127.0.0.1:{_free_port()}"
    command = [
        golang.build(PROMETHEUS, print), f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}", "--storage.tsdb.retention.time=10y",
        "--query.lookback-delta=65m", f"--web.listen-address={address}",
        "--log.level=error",
    ]  # fmt: skip
    process = subprocess.Popen(command)
    try:
        url = f"http://{address}"
        while not _ready(url):
            if process.poll() is not None:
                raise RuntimeError
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def _ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/-/ready").is_success
    except httpx2.TransportError:
        return False


def ask(url: str, expression: str, **times: float) -> list[dict[str, Any]]:
    """Return Prometheus' answer, over a range if it has a start."""
    path = "query_range" if "start" in times else "query"
    query = expression.replace("$environment", "dev")
    answer = httpx2.get(f"{url}/api/v1/{path}", params={"query": query, **times})
    answer.raise_for_status()
    return answer.json()["data"]["result"]


def shown(value: float, unit: str, now: float) -> str:
    """Return a number as Grafana's unit shows it."""
    if unit == "dateTimeFromNow":
        return f"in {(value / 1000 - now) / 86400:.1f} days"
    if unit == "s":
        return f"{value / 86400:.1f} days" if value > 2 * 86400 else f"{value / 3600:.1f} h"
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    return f"{value:,.1f}".removesuffix(".0")


def panel(url: str, it: dict[str, Any], now: float) -> str:
    """Return one panel as SVG."""
    place, unit = it["gridPos"], it["fieldConfig"]["defaults"]["unit"]
    x, y = place["x"] * WIDTH, place["y"] * UNIT
    width, height = place["w"] * WIDTH - 8, place["h"] * UNIT - 8
    parts = [
        f'<g transform="translate({x},{y})"><rect width="{width}" height="{height}" class="p"/>'
        f'<text x="8" y="18" class="t">{escape(it["title"])}</text>'
    ]
    draw = _lines if it["type"] == "timeseries" else _stat
    return "".join([*parts, *draw(url, it, now, unit, width, height), "</g>"])


def _stat(
    url: str, it: dict[str, Any], now: float, unit: str, width: int, height: int
) -> Iterator[str]:
    found = [
        (target["legendFormat"], float(series["value"][1]))
        for target in it["targets"]
        for series in ask(url, target["expr"], time=now)
    ]
    for number, (legend, value) in enumerate(found):
        middle = height * (number + 0.75) / len(found) + 4
        text = f"{legend} {shown(value, unit, now)}".strip()
        yield f'<text x="{width / 2}" y="{middle:.0f}" class="s">{escape(text)}</text>'


def _lines(
    url: str, it: dict[str, Any], now: float, unit: str, width: int, height: int
) -> Iterator[str]:
    begin = now - DAYS * 86400
    series = [
        (target["legendFormat"], found)
        for target in it["targets"]
        for found in ask(
            url, target["expr"].replace("[5m]", "[2h]"), start=begin, end=now, step=HOUR
        )
        if any(float(value) for _, value in found["values"])
    ]
    top = max((float(v) for _, found in series for _, v in found["values"]), default=0) or 1
    yield f'<text x="8" y="34" class="l">{escape(shown(top, unit, now))}</text>'
    for number, (legend, found) in enumerate(series):
        points = " ".join(
            f"{8 + (when - begin) / (now - begin) * (width - 16):.1f},"
            f"{height - 30 - float(value) / top * (height - 72):.1f}"
            for when, value in found["values"]
        )
        color = COLORS[number % len(COLORS)]
        yield f'<polyline points="{points}" stroke="{color}"/>'
        for key, text in found["metric"].items():
            legend = legend.replace("{{" + key + "}}", text)
        left = 8 + number * (width - 16) / len(series)
        place = f'x="{left:.0f}" y="{height - 10}"'
        yield f'<text {place} class="l" fill="{color}">{escape(legend)}</text>'


def main() -> None:
    """Make the data, let Prometheus answer, write the picture."""
    end = int(time.time()) // 86400 * 86400
    begin = end - DAYS * 86400
    args = replace(ARGS, monitoring_bytes_limit=400 * 2**20, monitoring_forecast_days=14)
    promtool = golang.build(PROMTOOL, print)
    with tempfile.TemporaryDirectory(prefix="picture-") as name:
        folder = Path(name)
        (folder / "metrics").write_text(openmetrics(begin))
        blocks = [promtool, "tsdb", "create-blocks-from"]
        data = folder / "data"
        subprocess.run([*blocks, "openmetrics", folder / "metrics", data], check=True)
        for ready in passes(args):
            (folder / "rules.yaml").write_text(yaml.safe_dump(ready))
            with prometheus(folder) as url:
                span = [f"--start={begin}", f"--end={end}", "--eval-interval=1h"]
                written = [f"--url={url}", f"--output-dir={data}", folder / "rules.yaml"]
                subprocess.run([*blocks, "rules", *span, *written], check=True)
        with prometheus(folder) as url:
            panels = json.loads((FILES / "dashboard.json").read_text())["panels"]
            drawn = [panel(url, it, end) for it in panels]
    style = (
        "text{font:12px sans-serif}.t{font-weight:bold}.s{font-size:17px;text-anchor:middle}"
        ".l{font-size:8.5px}.p{fill:#fff;stroke:#ccc}polyline{fill:none;stroke-width:1.5}"
    )
    PICTURE.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-6 -6 {24 * WIDTH + 4} {28 * UNIT + 6}">'
        f"<style>{style}</style>{''.join(line + chr(10) for line in drawn)}</svg>\n"
    )


if __name__ == "__main__":
    main()
