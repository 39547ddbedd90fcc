// Command pulumi-resource-postgresql serves the upstream PostgreSQL Terraform provider through
// Pulumi's own bridge, for machines where the official plugin cannot be downloaded.
package main

import (
	"github.com/hashicorp/terraform-plugin-sdk/helper/schema"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shimv1 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v1"
	"github.com/terraform-providers/terraform-provider-postgresql/postgresql"
)

// version is what the Python SDK asks for; the engine takes a plugin on PATH whatever its version.
const version = "3.18.2"

// emptySchema is enough to run programs; only code generation and `pulumi convert` read more.
const emptySchema = "{}"

func main() {
	info := tfbridge.ProviderInfo{
		P:            shimv1.NewProvider(postgresql.Provider().(*schema.Provider)),
		Name:         "postgresql",
		Version:      version,
		MetadataInfo: tfbridge.NewProviderMetadata([]byte(emptySchema)),
	}
	info.MustComputeTokens(tokens.SingleModule("postgresql_", "index", tokens.MakeStandard("postgresql")))
	info.SetAutonaming(255, "-")
	tfbridge.Main("postgresql", version, info, []byte(emptySchema))
}
