"""The addresses and ports of a stack."""

from dataclasses import dataclass

NODE_NAME = "devstack"
API_PORT = 6443
VAULT_PORT = 8200
POSTGRESQL_PORT = 5432


@dataclass(frozen=True)
class Network:
    """The addresses of one stack, all derived from one number."""

    number: int

    @property
    def interface(self) -> str:
        """Name of the host's end of the veth pair and of the control groups."""
        return f"lgc{self.number}"

    @property
    def range(self) -> str:
        """Everything the stack routes."""
        return f"10.{self.number}.0.0/22"

    @property
    def host(self) -> str:
        """Address of this machine as node and pods see it."""
        return f"10.{self.number}.0.1"

    @property
    def node(self) -> str:
        """Address of the node."""
        return f"10.{self.number}.0.2"

    @property
    def pods(self) -> str:
        """Range of the pods."""
        return f"10.{self.number}.1.0/24"

    @property
    def services(self) -> str:
        """Range of the services."""
        return f"10.{self.number}.2.0/24"

    @property
    def kubernetes_service(self) -> str:
        """Cluster address of the API server: the first of the service range."""
        return f"10.{self.number}.2.1"

    @property
    def loopback(self) -> str:
        """Address for what only this machine's own processes may reach."""
        return f"127.10.{self.number}.1"
