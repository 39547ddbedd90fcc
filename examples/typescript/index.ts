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
const vaultAddress = config.require("vaultAddress");
const certificate = config.require("certificate");

const storage = new CheckpointStorage("checkpoints", {
    environment: pulumi.getStack(),
    namespace: "from-typescript",
    manageNamespace: true,
    manageNetworkPolicy: true,
    serviceAccount: "agent-executor",
    kubeconfig: "",
    kubeContext: "",
    allowDataLoss: false,
    backupClaim: "",
    verifyAlways: false,
    vault: {
        server: {
            address: vaultAddress,
            caFile: config.require("vaultCaFile"),
            namespace: "",
        },
        address: vaultAddress,
        caCertificate: certificate,
        namespace: "",
        authMount: "from-typescript-kubernetes",
        kubernetesHost: config.require("kubernetesHost"),
        kvMount: "from-typescript-kv",
        manageKvMount: true,
        role: "from-typescript",
        policy: "from-typescript",
        audience: "vault",
        secretPath: "agent-executor/postgres",
        manageSecret: true,
        keepSecretVersions: false,
    },
    database: {
        manage: true,
        host: config.require("databaseHost"),
        port: 5432,
        name: "from_typescript",
        schema: "public",
        username: "from_typescript_migrator",
        owner: "from_typescript_owner",
        applicationRole: "from_typescript_app",
        sslMode: "verify-full",
        caCertificate: certificate,
    },
    jobs: {
        name: "agent-executor",
        postgresImage: "postgres:16-alpine",
        vaultImage: "hashicorp/vault:1.15",
        backoffLimit: 0,
        ttlSeconds: 3600,
        startSeconds: 45,
        timeoutSeconds: 300,
    },
});

export const schemaVersion = storage.schemaVersion;
export const verification = storage.verification;
