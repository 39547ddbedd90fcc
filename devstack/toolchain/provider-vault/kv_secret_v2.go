package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-provider-vault/vault"
	"github.com/hashicorp/vault/api"
)

const (
	kvSecretV2Name = "vault_kv_secret_v2"
	upgradeTimeout = 10 * time.Second
	upgradePause   = 250 * time.Millisecond
)

var kvSecretV2Path = regexp.MustCompile("^(.+?)/data/(.+)$")

// metadataFields maps what Vault calls a setting of a secret to its name in custom_metadata.
var metadataFields = map[string]string{
	"max_versions":         "max_versions",
	"cas_required":         "cas_required",
	"delete_version_after": "delete_version_after",
	"custom_metadata":      "data",
}

// kvSecretV2 returns the resource vault_kv_secret_v2, which is younger than the upstream release
// bridged here, so that it acts as the official provider's does: every create and update writes a
// new version, and a delete hides the latest one unless delete_all_versions is set.
func kvSecretV2() *schema.Resource {
	return &schema.Resource{
		CreateContext: writeKVSecretV2,
		UpdateContext: writeKVSecretV2,
		ReadContext:   readKVSecretV2,
		DeleteContext: deleteKVSecretV2,
		CustomizeDiff: dropUnreadFields,
		Importer:      &schema.ResourceImporter{StateContext: schema.ImportStatePassthroughContext},
		Schema: map[string]*schema.Schema{
			"mount":               {Type: schema.TypeString, Required: true, ForceNew: true},
			"name":                {Type: schema.TypeString, Required: true, ForceNew: true},
			"cas":                 {Type: schema.TypeInt, Optional: true},
			"options":             {Type: schema.TypeMap, Optional: true},
			"disable_read":        {Type: schema.TypeBool, Optional: true, Default: false},
			"delete_all_versions": {Type: schema.TypeBool, Optional: true, Default: false},
			"path":                {Type: schema.TypeString, Computed: true},
			"data":                {Type: schema.TypeMap, Computed: true, Sensitive: true},
			"metadata":            {Type: schema.TypeMap, Computed: true},
			"data_json": {
				Type:         schema.TypeString,
				Required:     true,
				Sensitive:    true,
				StateFunc:    vault.NormalizeDataJSONFunc(kvSecretV2Name),
				ValidateFunc: vault.ValidateDataJSONFunc(kvSecretV2Name),
			},
			"custom_metadata": {
				Type:     schema.TypeList,
				Optional: true,
				Computed: true,
				MaxItems: 1,
				Elem: &schema.Resource{Schema: map[string]*schema.Schema{
					"max_versions":         {Type: schema.TypeInt, Optional: true},
					"cas_required":         {Type: schema.TypeBool, Optional: true},
					"delete_version_after": {Type: schema.TypeInt, Optional: true},
					"data":                 {Type: schema.TypeMap, Optional: true},
				}},
			},
		},
	}
}

// dropUnreadFields keeps a secret that is never read from showing a change at every preview:
// its computed fields stay empty, which the SDK would take for "not known yet".
func dropUnreadFields(_ context.Context, diff *schema.ResourceDiff, _ interface{}) error {
	if diff.Id() == "" || !diff.Get("disable_read").(bool) {
		return nil
	}
	for _, field := range []string{"data", "metadata"} {
		if err := diff.Clear(field); err != nil {
			return err
		}
	}
	return nil
}

func writeKVSecretV2(ctx context.Context, d *schema.ResourceData, meta interface{}) diag.Diagnostics {
	var data map[string]interface{}
	if err := json.Unmarshal([]byte(d.Get("data_json").(string)), &data); err != nil {
		return diag.Errorf("data_json is not a JSON object: %s", err)
	}
	// Vault takes check-and-set from options only. Upstream sends cas beside them, where it has no
	// effect (hashicorp/terraform-provider-vault issue 1727); so does this, lest a program be
	// safe here and not with the official provider.
	request := map[string]interface{}{"data": data, "cas": d.Get("cas"), "options": d.Get("options")}
	client := meta.(*api.Client)
	path := kvSecretV2At(d, "data")
	if err := writeOnceUpgraded(ctx, client, path, request); err != nil {
		return diag.Errorf("error writing %s: %s", path, err)
	}
	d.SetId(path)
	if _, set := d.GetOk("custom_metadata"); set {
		path := kvSecretV2At(d, "metadata")
		if _, err := client.Logical().Write(path, settingsOf(d)); err != nil {
			return diag.Errorf("error writing %s: %s", path, err)
		}
	}
	return readKVSecretV2(ctx, d, meta)
}

// writeOnceUpgraded writes to a mount that may have been made a moment ago: a new version 2 mount
// refuses writes until it has upgraded itself.
func writeOnceUpgraded(ctx context.Context, client *api.Client, path string, request map[string]interface{}) error {
	for deadline := time.Now().Add(upgradeTimeout); ; {
		_, err := client.Logical().Write(path, request)
		if err == nil || !strings.Contains(err.Error(), "Upgrading from non-versioned") || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(upgradePause):
		}
	}
}

func readKVSecretV2(_ context.Context, d *schema.ResourceData, meta interface{}) diag.Diagnostics {
	parts := kvSecretV2Path.FindStringSubmatch(d.Id())
	if parts == nil {
		return diag.Errorf("expected an ID of the form MOUNT/data/NAME, found %q", d.Id())
	}
	values := map[string]interface{}{"path": d.Id(), "mount": parts[1], "name": parts[2]}
	if !d.Get("disable_read").(bool) {
		client := meta.(*api.Client)
		secret, err := client.Logical().Read(d.Id())
		if err != nil {
			return diag.Errorf("error reading %s: %s", d.Id(), err)
		}
		if secret == nil {
			d.SetId("")
			return nil
		}
		// Not from d: an import knows nothing but the ID yet.
		metadataPath := parts[1] + "/metadata/" + parts[2]
		if err := addVersion(values, secret.Data, client, metadataPath); err != nil {
			return diag.Errorf("error reading %s: %s", d.Id(), err)
		}
	}
	for field, value := range values {
		if err := d.Set(field, value); err != nil {
			return diag.FromErr(err)
		}
	}
	return nil
}

// addVersion adds to values what Vault answered about the latest version of a secret.
func addVersion(values, answer map[string]interface{}, client *api.Client, metadataPath string) error {
	dataJSON, err := json.Marshal(answer["data"])
	if err != nil {
		return err
	}
	values["data_json"] = string(dataJSON)
	if data, ok := answer["data"].(map[string]interface{}); ok {
		values["data"] = asStrings(data)
	}
	if metadata, ok := answer["metadata"].(map[string]interface{}); ok {
		values["metadata"] = asStrings(metadata)
		if _, ok := metadata["custom_metadata"]; ok {
			values["custom_metadata"], err = readSettings(client, metadataPath)
		}
	}
	return err
}

func readSettings(client *api.Client, path string) ([]interface{}, error) {
	answer, err := client.Logical().Read(path)
	if err != nil || answer == nil {
		return nil, err
	}
	settings := map[string]interface{}{}
	for vaultName, name := range metadataFields {
		settings[name] = answer.Data[vaultName]
	}
	// It is written in seconds and answered like "3h12m10s".
	after, err := time.ParseDuration(fmt.Sprint(answer.Data["delete_version_after"]))
	settings["delete_version_after"] = int(after.Seconds())
	return []interface{}{settings}, err
}

func settingsOf(d *schema.ResourceData) map[string]interface{} {
	settings := map[string]interface{}{}
	for vaultName, name := range metadataFields {
		if value, set := d.GetOk("custom_metadata.0." + name); set {
			settings[vaultName] = value
		}
	}
	return settings
}

func deleteKVSecretV2(_ context.Context, d *schema.ResourceData, meta interface{}) diag.Diagnostics {
	kind := "data"
	if d.Get("delete_all_versions").(bool) {
		kind = "metadata"
	}
	path := kvSecretV2At(d, kind)
	if _, err := meta.(*api.Client).Logical().Delete(path); err != nil {
		return diag.Errorf("error deleting %s: %s", path, err)
	}
	return nil
}

func kvSecretV2At(d *schema.ResourceData, kind string) string {
	return fmt.Sprintf("%s/%s/%s", d.Get("mount"), kind, d.Get("name"))
}

// asStrings renders what is not a string as JSON, since a Terraform map has one type of value.
func asStrings(values map[string]interface{}) map[string]string {
	strings := make(map[string]string, len(values))
	for name, value := range values {
		if text, ok := value.(string); ok {
			strings[name] = text
			continue
		}
		text, _ := json.Marshal(value) // it came from JSON
		strings[name] = string(text)
	}
	return strings
}
