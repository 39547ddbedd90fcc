"""Runs LangGraph's own migration in a process of its own, as an application does at its start."""

from langgraph.checkpoint.postgres import PostgresSaver

# An empty connection string leaves everything to libpq's variables.
with PostgresSaver.from_conn_string("") as saver:
    saver.setup()
