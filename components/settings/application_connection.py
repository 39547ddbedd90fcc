"""How the application is to connect, as arguments of psycopg_pool."""

from typing import Any

from .settings import Settings


def connection(settings: Settings) -> dict[str, Any]:
    """Return the pool's arguments and those of its connections, without credential and CA."""
    budget = settings.application_max_connections // settings.application_replicas
    return {
        "kwargs": {
            "autocommit": True,
            # As PostgresSaver's own connections; what was prepared on one server connection is
            # unknown on the next that a pooler lends.
            "prepare_threshold": None if settings.application_behind_pooler else 0,
            "sslmode": settings.insecure_database_ssl_mode or "verify-full",
            "connect_timeout": 5,
            # A server that vanished in a failover is noticed after 15 seconds, not two hours.
            "keepalives_idle": 5,
            "keepalives_interval": 5,
            "keepalives_count": 2,
            "tcp_user_timeout": 15_000,
        },
        "pool": {"min_size": 1, "max_size": budget, "timeout": 10.0, "max_lifetime": 1800.0},
    }
