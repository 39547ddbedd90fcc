"""Runs copies of a deployed Job's pod, changed in one place."""

import copy
import json
from collections.abc import Callable, Iterable
from typing import Any

from tests.support.deployment import Deployment, Outcome
from tests.support.migration_files import NUMBER

Manifest = dict[str, Any]

ENDED = "jsonpath={.status.phase}"


class Pods:
    """The namespace of a deployment as kubectl shows it."""

    def __init__(self, deployment: Deployment) -> None:
        self._run = deployment.run
        self.namespace: str = deployment.settings["namespace"]
        self._folder = deployment.folder

    def kubectl(self, *arguments: str) -> Outcome:
        """Run kubectl in the namespace."""
        return self._run("kubectl", "-n", self.namespace, *arguments)

    def get(self, *what: str) -> Manifest:
        """Return an object as the API server has it."""
        return json.loads(self.kubectl("get", *what, "-o", "json").expect().text)

    def create(self, *manifests: Manifest, flags: Iterable[str] = ()) -> Outcome:
        """Create objects, or try to."""
        path = self._folder / f"manifests-{manifests[0]['metadata']['name']}.json"
        # Without -n, which would forbid objects of another namespace.
        for manifest in manifests:
            if manifest["kind"] != "Namespace":
                manifest["metadata"].setdefault("namespace", self.namespace)
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))
        return self._run("kubectl", "create", "-f", str(path), *flags)

    def pod(self, name: str, kind: str = "migration", **environment: str) -> Manifest:
        """Return a pod like that of a Job; some variables of its containers may be others."""
        template = self.get("job", f"agent-executor-{kind}-{NUMBER}")["spec"]["template"]
        labels = {
            key: value
            for key, value in template["metadata"]["labels"].items()
            if not key.startswith(("batch.kubernetes.io/", "controller-uid", "job-name"))
        }
        spec = copy.deepcopy(template["spec"])
        for container in spec["initContainers"] + spec["containers"]:
            for entry in container["env"]:
                entry["value"] = environment.get(entry["name"], entry.get("value", ""))
        metadata = {"name": name, "labels": labels}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    def end(self, name: str, phase: str = "Failed") -> dict[str, Manifest]:
        """Wait until a pod has ended this way; return how each of its containers did."""
        waited = self.kubectl("wait", f"--for={ENDED}={phase}", f"pod/{name}", "--timeout=60s")
        status = self.get("pod", name)["status"]
        assert waited.status == 0, status
        return {
            container["name"]: container["state"]["terminated"]
            for container in [*status["initContainerStatuses"], *status["containerStatuses"]]
            if "terminated" in container["state"]
        }

    def logs(self, name: str) -> str:
        """Return what all containers of a pod have written."""
        return self.kubectl("logs", "--all-containers", name).text


def changed(manifest: Manifest, change: Callable[[Manifest], object]) -> Manifest:
    """Return a copy that one function has changed."""
    copied = copy.deepcopy(manifest)
    change(copied)
    return copied
