"""How the application is to connect, as arguments of psycopg_pool."""

from typing import Any

from ..inputs.derived import ssl_mode
from ..inputs.storage import CheckpointStorageArgs


def connection(args: CheckpointStorageArgs) -> dict[str, Any]:
    """Return the pool's arguments and those of its connections, without credential and CA."""
    budget = args.application_max_connections // args.application_replicas
    return {
        "kwargs": {
            "autocommit": True,
            # As PostgresSaver's own connections; what was prepared on one server connection is
            # unknown on the next that a pooler lends.
            "prepare_threshold": None if args.application_behind_pooler else 0,
            "sslmode": ssl_mode(args),
            "connect_timeout": 5,
            # A server that vanished in a failover is noticed after 15 seconds, not two hours.
            "keepalives_idle": 5,
            "keepalives_interval": 5,
            "keepalives_count": 2,
            "tcp_user_timeout": 15_000,
        },
        "pool": {"min_size": 1, "max_size": budget, "timeout": 10.0, "max_lifetime": 1800.0},
    }
