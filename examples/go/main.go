// Checkpoint storage as a part of a program of one's own; the program makes all that it needs.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

// CheckpointStorage is the component as components/ serves it; docs/inputs.md lists its inputs.
type CheckpointStorage struct {
	pulumi.ResourceState

	SchemaVersion pulumi.IntOutput `pulumi:"schemaVersion"`
	Verification  pulumi.MapOutput `pulumi:"verification"`
}

// NewCheckpointStorage registers the component with the engine, which asks the plugin to make it.
func NewCheckpointStorage(
	ctx *pulumi.Context, name string, args pulumi.Map, opts ...pulumi.ResourceOption,
) (*CheckpointStorage, error) {
	storage := &CheckpointStorage{}
	kind := "langgraph-checkpoint:index:CheckpointStorage"
	if err := ctx.RegisterRemoteComponentResource(kind, name, args, storage, opts...); err != nil {
		return nil, err
	}
	return storage, nil
}

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		conf := config.New(ctx, "")
		vaultAddress := pulumi.String(conf.Require("vaultAddress"))
		certificate := pulumi.String(conf.Require("certificate"))

		storage, err := NewCheckpointStorage(ctx, "checkpoints", pulumi.Map{
			"environment":         pulumi.String(ctx.Stack()),
			"namespace":           pulumi.String("from-go"),
			"manageNamespace":     pulumi.Bool(true),
			"manageNetworkPolicy": pulumi.Bool(true),
			"serviceAccount":      pulumi.String("agent-executor"),
			"kubeconfig":          pulumi.String(""),
			"kubeContext":         pulumi.String(""),
			"allowDataLoss":       pulumi.Bool(false),
			"backupClaim":         pulumi.String(""),
			"verifyAlways":        pulumi.Bool(false),
			"vault": pulumi.Map{
				"server": pulumi.Map{
					"address":   vaultAddress,
					"caFile":    pulumi.String(conf.Require("vaultCaFile")),
					"namespace": pulumi.String(""),
				},
				"address":            vaultAddress,
				"caCertificate":      certificate,
				"namespace":          pulumi.String(""),
				"authMount":          pulumi.String("from-go-kubernetes"),
				"kubernetesHost":     pulumi.String(conf.Require("kubernetesHost")),
				"kvMount":            pulumi.String("from-go-kv"),
				"manageKvMount":      pulumi.Bool(true),
				"role":               pulumi.String("from-go"),
				"policy":             pulumi.String("from-go"),
				"audience":           pulumi.String("vault"),
				"secretPath":         pulumi.String("agent-executor/postgres"),
				"manageSecret":       pulumi.Bool(true),
				"keepSecretVersions": pulumi.Bool(false),
			},
			"database": pulumi.Map{
				"manage":          pulumi.Bool(true),
				"host":            pulumi.String(conf.Require("databaseHost")),
				"port":            pulumi.Int(5432),
				"name":            pulumi.String("from_go"),
				"schema":          pulumi.String("public"),
				"username":        pulumi.String("from_go_migrator"),
				"owner":           pulumi.String("from_go_owner"),
				"applicationRole": pulumi.String("from_go_app"),
				"sslMode":         pulumi.String("verify-full"),
				"caCertificate":   certificate,
			},
			"jobs": pulumi.Map{
				"name":           pulumi.String("agent-executor"),
				"postgresImage":  pulumi.String("postgres:16-alpine"),
				"vaultImage":     pulumi.String("hashicorp/vault:1.15"),
				"backoffLimit":   pulumi.Int(0),
				"ttlSeconds":     pulumi.Int(3600),
				"startSeconds":   pulumi.Int(45),
				"timeoutSeconds": pulumi.Int(300),
			},
		})
		if err != nil {
			return err
		}

		ctx.Export("schemaVersion", storage.SchemaVersion)
		ctx.Export("verification", storage.Verification)
		return nil
	})
}
