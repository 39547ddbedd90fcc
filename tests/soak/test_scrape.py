"""What a scrape of the collector's queries takes on ten million checkpoints."""

import time

import psycopg

from tests.maintenance.test_metrics import rows
from tests.migrations.conftest import run_file
from tests.support.monitoring import queries
from tests.support.postgres import Server

MOST_MS = 30
SIZES = (10_000, 10_000_000)
SCRAPES = 30


def test_a_scrape_of_ten_million_rows_takes_30_ms_at_most() -> None:
    texts = [text.encode() for text in queries().values()]
    fastest: list[float] = []
    with Server(settings={"autovacuum": "off", "max_wal_size": "'4GB'"}) as server:
        database = server.create_database()
        assert run_file(database, "up").returncode == 0
        written = 0
        for size in SIZES:
            database.execute(rows(written + 1, size), "ANALYZE checkpoints", "CHECKPOINT")
            written = size
            with database.connect() as connection:
                # The first scrape of a session fills its catalog caches.
                _scrape(connection, texts)
                # The least disturbed one: what else runs on the machine is not the scrape's cost.
                fastest.append(min(_scrape(connection, texts) for _ in range(SCRAPES)))

    print(", ".join(f"{ms:.1f} ms at {size}" for ms, size in zip(fastest, SIZES, strict=True)))
    assert max(fastest) <= MOST_MS


def _scrape(connection: psycopg.Connection, texts: list[bytes]) -> float:
    began = time.monotonic()
    for text in texts:
        connection.execute(text).fetchall()
    return 1e3 * (time.monotonic() - began)
