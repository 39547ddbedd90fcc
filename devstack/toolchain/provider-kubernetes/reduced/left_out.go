// What the reduced provider says where Helm and kustomize would start: see docs/decisions/0026.
package provider

import (
	"context"
	"errors"

	"github.com/golang/protobuf/ptypes/empty"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/clients"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/host"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	clientapi "k8s.io/client-go/tools/clientcmd/api"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var errLeftOut = errors.New("expected a resource of the Kubernetes API, found one of Helm or kustomize, " +
	"which this build of the provider leaves out: put the official pulumi-resource-kubernetes on PATH")

// HelmChartOpts has what the provider reads of a chart's options by itself.
type HelmChartOpts struct {
	Namespace string
}

func helmTemplate(host.HostClient, HelmChartOpts, *clients.DynamicClientSet) (string, error) {
	return "", errLeftOut
}

func kustomizeDirectory(context.Context, string, *clients.DynamicClientSet) ([]any, error) {
	return nil, errLeftOut
}

func isHelmRelease(urn resource.URN) bool {
	return urn.Type() == "kubernetes:helm.sh/v3:Release"
}

type leftOut struct{}

func newHelmReleaseProvider(
	host.HostClient, *cancellationContext, *clientapi.Config, *clientcmd.ConfigOverrides, *rest.Config,
	*clients.DynamicClientSet, string, string, bool, string, string, string, string, bool, string,
) (customResourceProvider, error) {
	return leftOut{}, nil
}

func (leftOut) Check(context.Context, *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return nil, errLeftOut
}

func (leftOut) Diff(context.Context, *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return nil, errLeftOut
}

func (leftOut) Create(context.Context, *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	return nil, errLeftOut
}

func (leftOut) Read(context.Context, *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	return nil, errLeftOut
}

func (leftOut) Update(context.Context, *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	return nil, errLeftOut
}

func (leftOut) Delete(context.Context, *pulumirpc.DeleteRequest) (*empty.Empty, error) {
	return nil, errLeftOut
}
