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

		storage, err := NewCheckpointStorage(ctx, "checkpoints", pulumi.Map{
			"namespace":            pulumi.String("from-go"),
			"manageNamespace":      pulumi.Bool(true),
			"vaultAddress":         pulumi.String(conf.Require("vaultAddress")),
			"vaultAuthMount":       pulumi.String("from-go-kubernetes"),
			"manageVaultAuthMount": pulumi.Bool(true),
			"vaultKvMount":         pulumi.String("from-go-kv"),
			"manageVaultKvMount":   pulumi.Bool(true),
			"vaultPolicy":          pulumi.String("from-go"),
			"manageSecret":         pulumi.Bool(true),
			"keepSecretVersions":   pulumi.Bool(false),
			"databaseHost":         pulumi.String(conf.Require("databaseHost")),
			"databaseName":         pulumi.String("from_go"),
			"manageDatabase":       pulumi.Bool(true),
			"backoffLimit":         pulumi.Int(0),
		})
		if err != nil {
			return err
		}

		ctx.Export("schemaVersion", storage.SchemaVersion)
		ctx.Export("verification", storage.Verification)
		return nil
	})
}
