"""The shell file by which the scripts of all Jobs log in."""

from pathlib import Path

CONNECTION_SCRIPT = Path(__file__).with_name("connection.sh")
