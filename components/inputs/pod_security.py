"""What a security context may say: no more than Pod Security "restricted" admits."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

Accepts = Callable[[Any], bool]


def _is_user(value: Any) -> bool:
    return value is None or (type(value) is int and value > 0)


def _is_group(value: Any) -> bool:
    return value is None or (type(value) is int and value >= 0)


def _is_profile(value: Any) -> bool:
    return isinstance(value, dict) and cast("dict[str, Any]", value).get("type") in (
        "RuntimeDefault",
        "Localhost",
    )


def _is(wanted: bool) -> Accepts:
    def accepts(value: Any) -> bool:
        return value is wanted

    return accepts


def _is_any(_: Any) -> bool:
    return True


def _is_none(_: Any) -> bool:
    return False


def _adds_nothing(value: Any) -> bool:
    return value in ({"drop": ["ALL"]}, {})


USER = (_is_user, "a number above 0, or null")
GROUP = (_is_group, "a number, or null")
PROFILE = (_is_profile, "the type RuntimeDefault or Localhost")
TRUE, FALSE = (_is(True), "true"), (_is(False), "false")
ANY, NONE = (_is_any, "anything"), (_is_none, "nothing")
# OpenShift's "restricted-v2" draws the ids itself, so null may remove them.
FIELDS: Mapping[str, tuple[Accepts, str]] = {
    "allowPrivilegeEscalation": FALSE,
    "appArmorProfile": PROFILE,
    "capabilities": (_adds_nothing, '{"drop": ["ALL"]}'),
    "fsGroup": GROUP,
    "fsGroupChangePolicy": ANY,
    "privileged": FALSE,
    "readOnlyRootFilesystem": TRUE,
    "runAsGroup": GROUP,
    "runAsNonRoot": TRUE,
    "runAsUser": USER,
    "seLinuxOptions": ANY,
    "seLinuxChangePolicy": ANY,
    "seccompProfile": PROFILE,
    "supplementalGroups": ANY,
    "supplementalGroupsPolicy": ANY,
}


def context_problems(where: str, given: Any) -> Iterator[str]:
    """Return every problem of the security context of a pod or a container."""
    if not isinstance(given, dict):
        yield f"{where}: expected an object, since null and others would remove what confines"
        return
    for key, value in sorted(cast("dict[str, Any]", given).items()):
        accepts, expected = FIELDS.get(key, NONE)
        if not accepts(value):
            yield f"{where}.{key}: expected {expected}, found {_shown(value)}"


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool | int) else repr(value)
