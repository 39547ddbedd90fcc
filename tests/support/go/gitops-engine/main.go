// Syncs a folder of manifests once, as Argo CD does: with the engine that Argo CD is made of.
//
// gitops-engine FOLDER NAMESPACE: prints a line for each object, and exits with 1 if the sync failed.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/argoproj/gitops-engine/pkg/cache"
	"github.com/argoproj/gitops-engine/pkg/sync"
	"github.com/argoproj/gitops-engine/pkg/sync/common"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
)

// Marks what this program made, so that the next sync finds it again.
const mark = "tests/synced"

const (
	pause    = 300 * time.Millisecond
	deadline = 4 * time.Minute
)

func main() {
	failed, err := syncFolder(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || failed {
		os.Exit(1)
	}
}

func syncFolder(folder, namespace string) (failed bool, err error) {
	target, err := read(folder)
	if err != nil {
		return false, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return false, err
	}
	live := cache.NewClusterCache(config,
		cache.SetLogr(logr.Discard()),
		cache.SetNamespaces([]string{namespace}),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (interface{}, bool) {
			marked := object.GetAnnotations()[mark] != ""
			return marked, marked
		}))
	if err := live.EnsureSynced(); err != nil {
		return false, err
	}
	defer live.Invalidate()

	kubectl := &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}
	// Each round looks at the cluster anew, as each reconciliation of Argo CD does.
	phase, message, results := common.OperationRunning, "", []common.ResourceSyncResult{}
	for started := metav1.Now(); !phase.Completed(); time.Sleep(pause) {
		if time.Since(started.Time) > deadline {
			return false, fmt.Errorf("expected the sync to end within %s, found it %s: %s", deadline, phase, message)
		}
		managed, err := live.GetManagedLiveObjs(target, func(resource *cache.Resource) bool {
			return resource.Info == true
		})
		if err != nil {
			return false, err
		}
		round, cleanup, err := sync.NewSyncContext("revision",
			sync.Reconcile(target, managed, namespace, live), config, config, kubectl,
			namespace, live.GetOpenAPISchema(),
			sync.WithInitialState(phase, message, results, started),
			sync.WithLogr(logr.Discard()))
		if err != nil {
			return false, err
		}
		round.Sync()
		phase, message, results = round.GetState()
		cleanup()
	}
	for _, result := range results {
		fmt.Println(result.SyncPhase, result.ResourceKey.Kind, result.ResourceKey.Name, result.Status, result.Message)
	}
	fmt.Println(phase, message)
	return phase != common.OperationSucceeded, nil
}

func read(folder string) (objects []*unstructured.Unstructured, err error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		found, err := kube.SplitYAML(text)
		if err != nil {
			return nil, err
		}
		for _, object := range found {
			annotations := object.GetAnnotations()
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[mark] = "true"
			object.SetAnnotations(annotations)
			objects = append(objects, object)
		}
	}
	return objects, nil
}
