"""Issues the stack's certificates and the kubeconfigs that carry them."""

import base64

import trustme

from devstack.addresses import NODE_NAME
from devstack.layout import Stack, write_private
from devstack.templates import render

_LOCAL_NAMES = ("localhost", "127.0.0.1")
_API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
_USERS = {
    "admin": ("admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", None),
    "scheduler": ("system:kube-scheduler", None),
    "kube-proxy": ("system:kube-proxy", None),
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
}


def issue(stack: Stack) -> None:
    """Make the authority and everything it signs, unless the stack has them."""
    if (stack.pki / "ca.crt").exists():
        return
    stack.pki.mkdir(mode=0o700, exist_ok=True)
    authority = trustme.CA(
        organization_name="devstack", organization_unit_name=f"stack {stack.name}"
    )
    network = stack.network
    servers = {
        "apiserver": (*_LOCAL_NAMES, *_API_NAMES, network.host, network.kubernetes_service),
        "etcd": (network.loopback,),
        "kubelet-server": (NODE_NAME, network.node),
        "vault": (*_LOCAL_NAMES, network.host),
        "postgresql": (*_LOCAL_NAMES, network.host),
        "service-accounts": ("service-accounts.devstack",),
    }
    for name, identities in servers.items():
        _write(stack, name, authority.issue_cert(*identities, common_name=name))
    for name, (user, group) in _USERS.items():
        certificate = authority.issue_cert(
            f"{name}.devstack", common_name=user, organization_name=group
        )
        _write(stack, name, certificate)
        _write_kubeconfig(stack, name, authority)
    # last: its presence says that all the others are there
    write_private(stack.pki / "ca.crt", authority.cert_pem.bytes().decode())


def _write(stack: Stack, name: str, certificate: trustme.LeafCert) -> None:
    chain = "".join(blob.bytes().decode() for blob in certificate.cert_chain_pems)
    write_private(stack.pki / f"{name}.crt", chain)
    write_private(stack.pki / f"{name}.key", certificate.private_key_pem.bytes().decode())


def _write_kubeconfig(stack: Stack, user: str, authority: trustme.CA) -> None:
    certificate = {
        "user": user,
        "ca": _base64(authority.cert_pem.bytes()),
        "certificate": _base64((stack.pki / f"{user}.crt").read_bytes()),
        "key": _base64((stack.pki / f"{user}.key").read_bytes()),
    }
    write_private(stack.kubeconfig(user), render("kubeconfig.yaml", stack.values() | certificate))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
