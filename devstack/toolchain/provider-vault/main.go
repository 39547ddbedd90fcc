// Command pulumi-resource-vault serves the upstream Vault Terraform provider through Pulumi's own
// bridge, for machines where the official plugin cannot be downloaded.
package main

import (
	"github.com/hashicorp/terraform-provider-vault/vault"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
)

// version is what the Python SDK asks for; the engine takes a plugin on PATH whatever its version.
const version = "7.14.0"

// modules are the prefixes that the SDK turns into modules, as in vault.kubernetes.AuthBackendRole.
var modules = []string{"kubernetes_", "generic_", "database_", "kv_"}

// emptySchema is enough to run programs; only code generation and `pulumi convert` read more.
const emptySchema = "{}"

func main() {
	upstream := vault.Provider()
	upstream.ResourcesMap["vault_kv_secret_v2"] = kvSecretV2()
	info := tfbridge.ProviderInfo{
		P:            shimv2.NewProvider(upstream),
		Name:         "vault",
		Version:      version,
		MetadataInfo: tfbridge.NewProviderMetadata([]byte(emptySchema)),
	}
	info.MustComputeTokens(tokens.KnownModules("vault_", "index", modules, tokens.MakeStandard("vault")))
	info.SetAutonaming(255, "-")
	tfbridge.Main("vault", version, info, []byte(emptySchema))
}
