"""What `podTemplate` may say: all that a pod's place asks for, and nothing that a promise rests on.

A field has to be named here to be allowed, so that a misspelt one is found before a deployment.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from .pod_containers import container_problems, extra_problems, is_list_of_objects
from .pod_names import ANNOTATIONS, CONTAINERS, EVERY_CONTAINER, LABELS, VOLUMES
from .pod_security import context_problems

PAGE = "docs/pods.md says what can be set"
ALONE = "the pod shares nothing with its node"
ACCOUNT = "Vault lets in the one that the input serviceAccount names"
# What the program sets for each pod, or leaves unset, and why.
KEPT = {
    "activeDeadlineSeconds": "the input timeoutSeconds says it",
    "automountServiceAccountToken": "no container may call the cluster's API",
    "enableServiceLinks": "the names of Services would be variables that tools read",
    "ephemeralContainers": "they can read the credential",
    "hostIPC": ALONE,
    "hostNetwork": ALONE,
    "hostPID": ALONE,
    "restartPolicy": "the Job counts the pods that failed",
    "serviceAccount": ACCOUNT,
    "serviceAccountName": ACCOUNT,
    "shareProcessNamespace": "no container may look into another one",
}
OBJECTS = ("affinity", "dnsConfig", "nodeSelector", "os", "overhead", "resources")
LISTS = (
    "hostAliases",
    "imagePullSecrets",
    "schedulingGates",
    "tolerations",
    "topologySpreadConstraints",
)
OTHERS = (
    "containers",
    "dnsPolicy",
    "hostUsers",
    "initContainers",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "setHostnameAsFQDN",
    "terminationGracePeriodSeconds",
    "volumes",
)


def pod_template_problems(template: Mapping[str, Any]) -> Iterator[str]:
    """Return every problem of a pod template, one sentence each."""
    yield from _directives("", template)
    yield from _unknown("", template, ("metadata", "spec"))
    for key, problems in (("metadata", _metadata), ("spec", _spec)):
        part: object = template.get(key, {})
        if isinstance(part, dict):
            yield from problems(cast("dict[str, Any]", part))
        else:
            yield f"{key}: expected an object, found {_kind(part)}"


def _metadata(metadata: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown("metadata.", metadata, ("annotations", "labels"))
    for part, own in (("annotations", ANNOTATIONS), ("labels", LABELS)):
        found = metadata.get(part, {})
        if not isinstance(found, dict):
            yield f"metadata.{part}: expected an object of texts"
            continue
        for key, value in cast("dict[str, Any]", found).items():
            if key in own:
                yield f"metadata.{part}.{key}: expected another name, since the program sets it"
            elif not isinstance(value, str | None):
                yield f"metadata.{part}.{key}: expected a text, found {_kind(value)}"


def _spec(spec: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(spec.keys() & KEPT):
        yield f"spec.{key}: expected nothing, since {KEPT[key]}"
    yield from _unknown("spec.", spec, {*KEPT, *OBJECTS, *LISTS, *OTHERS})
    for key in OBJECTS:
        if not isinstance(spec.get(key), dict | None):
            yield f"spec.{key}: expected an object, found {_kind(spec[key])}"
    for key in LISTS:
        if not is_list_of_objects(spec.get(key, [])):
            yield f"spec.{key}: expected a list of objects"
    if "securityContext" in spec:
        yield from context_problems("spec.securityContext", spec["securityContext"])
    yield from _containers(spec)
    for where, name, volume in _named("spec.volumes", spec.get("volumes", [])):
        if volume is None:
            yield where
        elif name in VOLUMES:
            yield f"{where}: expected another name, since the program has a volume of this name"
        elif "hostPath" in volume:
            yield f"{where}.hostPath: expected another kind of volume, since {ALONE}"


def _containers(spec: Mapping[str, Any]) -> Iterator[str]:
    for part in ("initContainers", "containers"):
        for where, name, container in _named(f"spec.{part}", spec.get(part, [])):
            if container is None:
                yield where
            elif name in (*CONTAINERS, EVERY_CONTAINER):
                yield from container_problems(where, container)
            elif part == "containers":
                yield (
                    f"{where}: expected one of {', '.join(CONTAINERS)} or {EVERY_CONTAINER}; put "
                    "another container into initContainers, where one with the restartPolicy "
                    "Always runs beside the others"
                )
            else:
                yield from extra_problems(where, container)


def _named(where: str, given: Any) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """Give path, name and entry of a list; of what is no such entry the problem, and None."""
    if not isinstance(given, list):
        yield f"{where}: expected a list, found {_kind(given)}", "", None
        return
    for number, entry in enumerate(cast("list[Any]", given)):
        match entry:
            case {"name": str(name)} if name:
                yield f"{where}[{name}]", name, cast("dict[str, Any]", entry)
            case _:
                yield f"{where}[{number}]: expected an object with a name", "", None


def _unknown(where: str, given: Mapping[str, Any], known: Collection[str]) -> Iterator[str]:
    for key in sorted(given.keys() - {*known}):
        if not key.startswith("$"):
            close = difflib.get_close_matches(key, known, n=1)
            yield f"{where}{key}: {f'did you mean {close[0]!r}' if close else PAGE}"


def _directives(where: str, given: Any) -> Iterator[str]:
    """Refuse `$patch` and its kin, which are kubectl's own: null is what removes."""
    if isinstance(given, dict):
        for key, value in cast("dict[str, Any]", given).items():
            if key.startswith("$"):
                yield f"{where}{key}: expected no directive; null removes a field"
            yield from _directives(f"{where}{key}.", value)
    elif isinstance(given, list):
        for number, value in enumerate(cast("list[Any]", given)):
            yield from _directives(f"{where}{number}.", value)


def _kind(value: Any) -> str:
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return "a text"
        case _:
            return "null" if value is None else str(value).lower()
