"""Serves CheckpointStorage to programs in other languages, see docs/other-languages.md."""

import sys
from pathlib import Path

from pulumi.provider.experimental import component_provider_host

# Run as a folder, this file is no part of the package that it serves, and the rooms' names must not
# hide other packages.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1]))

from components.checkpoint_storage import CheckpointStorage

if __name__ == "__main__":
    component_provider_host(
        name="langgraph-checkpoint", components=[CheckpointStorage], version="0.1.0"
    )
