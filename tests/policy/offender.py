"""A program that breaks each rule of the policy pack once, for the real engine to judge."""

import copy

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault

cluster = pulumi.ResourceOptions(provider=kubernetes.Provider("kubernetes"))
server = pulumi.ResourceOptions(
    provider=vault.Provider("vault", address="https://127.0.0.1:9", skip_child_token=True)
)
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"namespace": "n", "annotations": {}},
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "main",
                        "image": "registry.example.com:5000/postgres:16.4",
                        "resources": {"limits": {"cpu": "1", "memory": "64Mi"}},
                        "securityContext": {
                            "runAsNonRoot": True,
                            "allowPrivilegeEscalation": False,
                            "readOnlyRootFilesystem": True,
                        },
                    }
                ],
            }
        }
    },
}


def job(name: str) -> dict:
    """Return the manifest of a Job that keeps to all rules, and its one container."""
    manifest = copy.deepcopy(JOB)
    manifest["metadata"]["name"] = name
    return manifest


def container(manifest: dict) -> dict:
    return manifest["spec"]["template"]["spec"]["containers"][0]


jobs = {
    rule: job(rule)
    for rule in ("non-root", "read-only-root", "limits", "no-open-secrets", "pinned-images")
}
container(jobs["non-root"])["securityContext"]["runAsNonRoot"] = False
container(jobs["read-only-root"])["securityContext"]["readOnlyRootFilesystem"] = False
del container(jobs["limits"])["resources"]["limits"]["memory"]
container(jobs["no-open-secrets"])["env"] = [{"name": "PGPASSWORD", "value": "hunter2"}]
container(jobs["pinned-images"])["image"] = "postgres:latest"
jobs["awaited"] = job("awaited")
jobs["awaited"]["metadata"]["annotations"]["pulumi.com/skipAwait"] = "true"
for rule, manifest in jobs.items():
    pulumi.CustomResource("kubernetes:batch/v1:Job", rule, manifest, cluster)
vault.kubernetes.AuthBackendRole(
    "exact-vault-roles",
    role_name="r",
    bound_service_account_names=["*"],
    bound_service_account_namespaces=["n"],
    audience="vault",
    opts=server,
)
vault.Mount("protected-rows", path="kv", type="kv", opts=server)
