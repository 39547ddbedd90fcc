"""Renders the configuration files under `config/`."""

from pathlib import Path
from string import Template

_CONFIG = Path(__file__).with_name("config")


def render(name: str, values: dict[str, str]) -> str:
    """Return a configuration file with its placeholders filled in."""
    return Template((_CONFIG / name).read_text()).substitute(values)


def flags(name: str, values: dict[str, str]) -> list[str]:
    """Return the command line arguments listed one a line in `NAME.flags`."""
    lines = (line.strip() for line in render(f"{name}.flags", values).splitlines())
    return [line for line in lines if line and not line.startswith("#")]
