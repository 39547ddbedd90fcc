"""Declares one KV v2 secret with the arguments in the variable ARGUMENTS."""

import json
import os

import pulumi
import pulumi_vault as vault

provider = vault.Provider("vault", skip_child_token=True)
arguments = json.loads(os.environ["ARGUMENTS"])
if arguments:
    secret = vault.kv.SecretV2(
        "secret", mount="secret", opts=pulumi.ResourceOptions(provider=provider), **arguments
    )
    pulumi.export("path", secret.path)
    pulumi.export("metadata", secret.metadata)
