"""The pages for psql: their commands print what they show, the tables are version 9."""

import re
from subprocess import CompletedProcess
from typing import TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph

from tests.migrations.conftest import MIGRATIONS
from tests.support.documents import commands
from tests.support.postgres import Database, Server
from tests.support.version_9 import COLUMNS, KEYS

PAGE = (MIGRATIONS / "README.md").read_text()
SHOWN = dict(re.findall(r"<!-- (\w+) -->\n```sh\n.+?```\n```\n(.+?)```", PAGE, re.DOTALL))
TABLE = re.compile(r"^### (checkpoint\w+)\n(.+?)(?=^###|\Z)", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| (\d?) ?\|", re.MULTILINE)


class State(TypedDict):
    text: str
    items: list[int]


def test_its_commands_print_what_it_shows(database: Database) -> None:
    assert printed(database, "plan") == SHOWN["plan"]
    assert printed(database, "up") == SHOWN["up"]
    assert printed(database, "verify") == SHOWN["verify"]
    assert printed(database, "down") == SHOWN["down"]


def printed(database: Database, block: str) -> str:
    done = run(database, commands("migrations/README.md", block))
    assert (done.returncode, done.stderr) == (0, "")
    return as_shown(done.stdout, database)


def run(database: Database, shell: str) -> CompletedProcess[str]:
    return database.run("sh", "-e", "-u", "-c", f"cd '{MIGRATIONS.parent}'; {shell}")


def test_the_projects_readme_migrates_and_verifies_without_pulumi(database: Database) -> None:
    done = run(database, commands("README.md", "psql"))

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("PASS  ") == 8


def test_the_guide_asks_the_server_for_tls(database: Database) -> None:
    question = commands("migrations/DEPLOYMENT_GUIDE.md", "server")
    with Server() as plain:
        refused = run(plain.create_database(), question)

    assert (run(database, question).returncode, refused.returncode) == (0, 3)
    assert "expected ssl to be on" in refused.stderr


def as_shown(output: str, database: Database) -> str:
    """Put the page's server, database and duration in place of this run's."""
    version = database.value("SHOW server_version").split()[0]
    for found, shown in {
        database.name: "langgraph",
        f"PostgreSQL {version}": "PostgreSQL 15.18",
    }.items():
        output = output.replace(found, shown)
    output = re.sub(r"TLSv[\d.]+ \w+", "no TLS", output)
    return re.sub(r"in \d+\.\d s", "in 0.0 s", output)


def test_its_tables_are_those_of_version_9() -> None:
    tables = {name: ROW.findall(text) for name, text in TABLE.findall(PAGE)}

    assert {name: {c: text for c, text, _ in rows} for name, rows in tables.items()} == COLUMNS
    keys = {
        name: [column for _, column in sorted((int(n), column) for column, _, n in rows if n)]
        for name, rows in tables.items()
    }
    assert keys == KEYS


@pytest.mark.parametrize(
    ("said", "query"),
    [
        ("UUID version 6", "SELECT bool_and(checkpoint_id ~ '^.{14}6') FROM checkpoints"),
        (
            "null for the first",
            "SELECT count(*) = 1 FROM checkpoints WHERE parent_checkpoint_id IS NULL",
        ),
        ("no saver of this version writes it", "SELECT bool_and(type IS NULL) FROM checkpoints"),
        (
            "values that are plain numbers or text",
            "SELECT bool_or(checkpoint -> 'channel_values' ->> 'text' = 'x') FROM checkpoints",
        ),
        ("such as `msgpack`", "SELECT bool_or(type = 'msgpack') FROM checkpoint_blobs"),
        (
            "null only in rows of savers 2.x, with type `empty`",
            "SELECT bool_and(blob IS NOT NULL AND type <> 'empty') FROM checkpoint_blobs",
        ),
        ("they stay afterwards", "SELECT count(*) > 0 FROM checkpoint_writes"),
        ("negative for errors", "SELECT min(idx) < 0 FROM checkpoint_writes"),
    ],
)
def test_what_it_says_of_a_column_is_what_a_saver_writes(
    langgraph_database: Database, said: str, query: str
) -> None:
    assert said in PAGE

    write_threads(langgraph_database)

    assert langgraph_database.value(query) is True


def write_threads(database: Database) -> None:
    """Run one graph to its end, and resume it into an error."""

    def work(state: State) -> State:
        if state["text"] == "fail":
            msg = "planted"
            raise ValueError(msg)
        return {"text": "x", "items": [1]}

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_edge(START, "work")
    graph.add_edge("work", END)
    thread: RunnableConfig = {"configurable": {"thread_id": "t"}}
    with PostgresSaver.from_conn_string(database.server.conninfo(database.name)) as saver:
        compiled = graph.compile(checkpointer=saver)
        compiled.invoke({"text": "", "items": []}, thread)
        with pytest.raises(ValueError, match="planted"):
            compiled.invoke({"text": "fail", "items": []}, thread)
