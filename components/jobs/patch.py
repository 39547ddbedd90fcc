"""Merges what `podTemplate` says into a pod template, as Kubernetes' strategic merge patch does."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

from ..inputs.pod_names import CONTAINERS, EVERY_CONTAINER

Object = dict[str, Any]
# By what entries of a list are the same, as k8s.io/api says it with patchMergeKey; a list that is
# not here is replaced.
KEYS = {
    "containers": "name",
    "env": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumes": "name",
}
PARTS = ("initContainers", "containers")


def patched(template: Object, patch: Mapping[str, Any]) -> Object:
    """Return the pod template with the patch merged into it.

    What is said of one of the program's containers counts where the pod has it, in whichever list;
    what is said of "*" counts for all of them. Other containers come before the program's.
    """
    given: Mapping[str, Any] = patch.get("spec") or {}
    said: list[Object] = [entry for part in PARTS for entry in given.get(part, [])]
    rest = {key: value for key, value in given.items() if key not in PARTS}
    merged = strategic(template, {**patch, "spec": rest})
    for part in PARTS:
        merged["spec"][part] = [_container(each, said) for each in merged["spec"][part]]
    extra = [e for e in said if e["name"] not in (*CONTAINERS, EVERY_CONTAINER)]
    merged["spec"]["initContainers"] = [
        *(strategic({}, each) for each in extra),
        *merged["spec"]["initContainers"],
    ]
    return merged


def strategic(original: Mapping[str, Any], patch: Mapping[str, Any]) -> Object:
    """Return an object with a patch merged into it: null removes, and lists are merged by key."""
    merged: Object = deepcopy({**original})
    for key, value in patch.items():
        found = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            inner = cast("Object", found) if isinstance(found, dict) else {}
            merged[key] = strategic(inner, cast("Object", value))
        elif isinstance(value, list) and key in KEYS:
            merged[key] = _by_key(found or [], cast("list[Object]", value), KEYS[key])
        else:
            merged[key] = deepcopy(cast("Any", value))
    return merged


def _container(container: Object, said: Sequence[Object]) -> Object:
    for name in (EVERY_CONTAINER, container["name"]):
        for entry in said:
            if entry["name"] == name:
                container = strategic(container, {**entry, "name": container["name"]})
    return container


def _by_key(original: Sequence[Object], patch: Sequence[Object], key: str) -> list[Object]:
    """Return both lists as one, in Kubernetes' order: what only the patch has comes first."""
    if not original:
        return [strategic({}, entry) for entry in patch]
    places = {entry[key]: place for place, entry in enumerate(original)}
    named = {entry[key]: entry for entry in original}
    theirs = [strategic(named.get(entry[key], {}), entry) for entry in patch]
    ours = [entry for entry in original if entry[key] not in {each[key] for each in patch}]
    merged: list[Object] = []
    while ours and theirs:
        place = places.get(theirs[0][key])
        is_before = place is not None and places[ours[0][key]] < place
        merged.append((ours if is_before else theirs).pop(0))
    return [*merged, *ours, *theirs]
