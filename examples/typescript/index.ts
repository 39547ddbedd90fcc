// Checkpoint storage as a part of a program of one's own; the program makes all that it needs.

import * as pulumi from "@pulumi/pulumi";

// The component as components/ serves it; docs/inputs.md lists its inputs and outputs.
class CheckpointStorage extends pulumi.ComponentResource {
    declare readonly schemaVersion: pulumi.Output<number>;
    declare readonly verification: pulumi.Output<Record<string, unknown>>;

    constructor(name: string, args: pulumi.Inputs, opts?: pulumi.ComponentResourceOptions) {
        const outputs = { schemaVersion: undefined, verification: undefined };
        const type = "langgraph-checkpoint:index:CheckpointStorage";
        super(type, name, { ...args, ...outputs }, opts, true);
    }
}

const config = new pulumi.Config();

const storage = new CheckpointStorage("checkpoints", {
    namespace: "from-typescript",
    manageNamespace: true,
    vaultAddress: config.require("vaultAddress"),
    vaultAuthMount: "from-typescript-kubernetes",
    manageVaultAuthMount: true,
    vaultKvMount: "from-typescript-kv",
    manageVaultKvMount: true,
    vaultPolicy: "from-typescript",
    manageSecret: true,
    keepSecretVersions: false,
    databaseHost: config.require("databaseHost"),
    databaseName: "from_typescript",
    manageDatabase: true,
    backoffLimit: 0,
});

export const schemaVersion = storage.schemaVersion;
export const verification = storage.verification;
