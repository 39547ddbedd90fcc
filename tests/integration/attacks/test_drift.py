"""What was widened or swapped by hand is shown by one preview and mended by one up."""

import json
from typing import Any

from components.kubernetes.manifests import config_map
from tests.support.deployment import Deployment
from tests.support.pods import Pods
from tests.support.vault_api import VaultApi

WIDENED = {
    "bound_service_account_names": "*",
    "bound_service_account_namespaces": "*",
    "audience": "another",
    "alias_name_source": "serviceaccount_name",
    "token_policies": "default,root-like",
    "token_ttl": 3600,
    "token_explicit_max_ttl": 0,
    "token_max_ttl": 7200,
    "token_period": 3600,
    "token_num_uses": 0,
    "token_no_default_policy": False,
}
EVERYTHING = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }'


def test_a_widened_role_and_policy_and_a_swapped_config_map_are_shown_and_mended(
    dev: Deployment, vault: VaultApi, pods: Pods
) -> None:
    settings = dev.settings
    role = f"auth/{settings['vaultAuthMount']}/role/{settings['vaultRole']}"
    policy = f"sys/policies/acl/{settings['vaultPolicy']}"
    volumes = pods.pod("any")["spec"]["volumes"]
    name = next(v for v in volumes if v["name"] == "files")["configMap"]["name"]

    def found() -> dict[str, Any]:
        return {
            "role": vault.request("GET", role)[1]["data"],
            "policy": vault.request("GET", policy)[1]["data"]["policy"],
            "files": pods.get("configmap", name)["data"],
        }

    right = found()
    for path, change in ((role, WIDENED), (policy, {"policy": EVERYTHING})):
        assert vault.request("POST", path, body=json.dumps(change).encode())[0] in (200, 204)
    pods.kubectl("delete", "configmap", name).expect()
    swapped = right["files"] | {"migrate.sh": "#!/bin/sh\nid\n"}
    pods.create(config_map(pods.namespace, name, swapped)).expect()
    wrong = found()

    shown = dev.preview("--refresh", "--diff").expect().text
    dev.up("--refresh").expect()

    assert wrong["role"]["bound_service_account_names"] == ["*"]
    for changed in ("boundServiceAccountNames", "audience", "tokenNumUses", "sudo", "migrate.sh"):
        assert changed in shown
    assert found() == right
