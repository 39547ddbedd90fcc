"""Serves CheckpointStorage to programs in other languages, see docs/other-languages.md."""

import json
import sys
from pathlib import Path

from pulumi.provider import main

# Run as a folder, this file is no part of the package that it serves, and the rooms' names must not
# hide other packages.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1]))

from components.hosted import VERSION, Plugin, schema

if __name__ == "__main__":
    main(Plugin(VERSION, json.dumps(schema())), sys.argv[1:])
