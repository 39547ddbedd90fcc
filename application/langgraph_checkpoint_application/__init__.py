"""An application's side of the checkpoint storage: a pool, opened once the tables are ready."""

from ._pools import async_checkpoint_pool, async_require_schema, checkpoint_pool, require_schema
from ._schema import SchemaError

__all__ = [
    "SchemaError",
    "async_checkpoint_pool",
    "async_require_schema",
    "checkpoint_pool",
    "require_schema",
]
