"""Two weeks of load in a real PostgreSQL, and what the collector's SQL says of it each hour."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from tests.maintenance.test_metrics import HOUR, UUID_EPOCH
from tests.migrations.conftest import run_file
from tests.support.monitoring import Samples, collected
from tests.support.postgres import Server

DAYS, DAY = 14, 24
LABELS = {3: ("environment", "table"), 2: ("environment",)}


def rows(hour: float, count: int) -> tuple[str, ...]:
    """Return the statements that write what an application does in the hour that ends at `hour`."""
    drawn = f"""
        SELECT n, lpad(to_hex({UUID_EPOCH}
            + (({hour - HOUR} + n * {HOUR / count}) * 1e7)::bigint), 15, '0') AS h
        FROM generate_series(1, {count}) AS n"""
    thread = f"'{int(hour)}-' || n / 20"
    return (
        f"""INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint, metadata)
        SELECT {thread}, substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-6' || substr(h, 13)
            || '-8001-8a1503f9b875', jsonb_build_object('id', h, 'v', 4), '{{"source": "loop"}}'
        FROM ({drawn}) AS drawn""",
        f"""INSERT INTO checkpoint_blobs (thread_id, channel, version, type, blob)
        SELECT {thread}, 'messages', h, 'msgpack', decode(repeat(md5(h), 8), 'hex')
        FROM ({drawn}) AS drawn""",
        f"""INSERT INTO checkpoint_writes
            (thread_id, checkpoint_id, task_id, idx, channel, type, blob)
        SELECT {thread}, h, md5(h), i, 'messages', 'msgpack', decode(repeat(md5(h), 3), 'hex')
        FROM ({drawn}) AS drawn, generate_series(0, 1) AS i""",
    )


def observed(begin: int) -> Iterator[tuple[int, Samples]]:
    """Yield what the collector says at each hour: quiet nights and weekends, one clean-up."""
    with Server(version=16, settings={"autovacuum": "off"}) as server:
        database = server.create_database()
        if run_file(database, "up").returncode:
            raise RuntimeError
        with database.connect() as connection:
            for hour in range(1, DAYS * DAY + 1):
                now = begin + hour * HOUR
                weekend = datetime.fromtimestamp(now - 1, UTC).weekday() >= 5
                load = (120 if weekend else 400) * (1 + 0.8 * math.sin(hour / DAY * 2 * math.pi))
                for statement in rows(now, round(load)):
                    connection.execute(statement.encode())
                if hour == 11 * DAY:
                    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
                        statement = f"DELETE FROM {table} WHERE thread_id < '{begin + 2 * 86400}'"
                        connection.execute(statement.encode())
                if hour % 12 == 0:
                    connection.execute("VACUUM ANALYZE")
                connection.execute("SELECT pg_stat_force_next_flush()")
                yield now, collected(connection)


def openmetrics(begin: int) -> str:
    """Return the observations in the text form that promtool reads, one family after another."""
    families: dict[str, list[str]] = {}
    for now, samples in observed(begin):
        for (name, *values), value in samples.items():
            labels = dict(zip(LABELS[len(values) + 1], values, strict=True))
            pairs = ",".join(f'{key}="{text}"' for key, text in labels.items())
            families.setdefault(name, []).append(f"{name}{{{pairs}}} {value} {now}")
    lines = []
    for name, samples in families.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        lines += [f"# TYPE {name.removesuffix('_total')} {kind}", *samples]
    return "\n".join([*lines, "# EOF", ""])
