// Package cri is a container runtime whose containers are local commands. The
// kubelet drives it through the Container Runtime Interface.
//
// A pod gets a network namespace and an address of its own (network.go). A
// container is a process (process.go) with its own mount, process and host
// name namespaces; it sees the machine's files through a private layer, so
// that what it writes is its own and volumes can be anywhere (rootfs.go). An
// image is a row in a table of local commands (images.go); unknown ones are
// refused. There are no cgroups: requests and limits are bookkeeping only.
//
// All state is in memory. When the runtime ends its containers end, and the
// kubelet makes new ones.
package cri

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	api "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Options say where the runtime keeps what.
type Options struct {
	Socket   string       // where the kubelet calls
	Data     string       // a directory of the runtime's own
	Images   string       // file with the table of images
	Pods     netip.Prefix // addresses of pods
	NodeIP   netip.Addr   // source address of the node towards pods
	NodeName string
}

// Runtime holds every pod sandbox and container there is.
type Runtime struct {
	api.UnimplementedRuntimeServiceServer
	options Options
	images  *images
	network *network

	lock       sync.Mutex
	sandboxes  map[string]*sandbox
	containers map[string]*container
}

// Run serves the kubelet until the context ends.
func Run(ctx context.Context, options Options) error {
	_ = os.Remove(options.Socket)
	listener, err := net.Listen("unix", options.Socket)
	if err != nil {
		return err
	}
	runtime := &Runtime{
		options:    options,
		images:     &images{table: options.Images},
		network:    newNetwork(options.Pods, options.NodeIP),
		sandboxes:  map[string]*sandbox{},
		containers: map[string]*container{},
	}
	server := grpc.NewServer()
	api.RegisterRuntimeServiceServer(server, runtime)
	api.RegisterImageServiceServer(server, runtime.images)
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	return server.Serve(listener)
}

func (r *Runtime) Version(context.Context, *api.VersionRequest) (*api.VersionResponse, error) {
	return &api.VersionResponse{
		Version: "0.1.0", RuntimeName: "local-commands", RuntimeVersion: "1.0.0", RuntimeApiVersion: "v1",
	}, nil
}

func (r *Runtime) Status(context.Context, *api.StatusRequest) (*api.StatusResponse, error) {
	conditions := []*api.RuntimeCondition{
		{Type: api.RuntimeReady, Status: true},
		{Type: api.NetworkReady, Status: true},
	}
	return &api.StatusResponse{
		Status:   &api.RuntimeStatus{Conditions: conditions},
		Features: &api.RuntimeFeatures{SupplementalGroupsPolicy: true},
	}, nil
}

func (r *Runtime) UpdateRuntimeConfig(
	context.Context, *api.UpdateRuntimeConfigRequest,
) (*api.UpdateRuntimeConfigResponse, error) {
	return &api.UpdateRuntimeConfigResponse{}, nil
}

func (r *Runtime) sandbox(id string) (*sandbox, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	return found(r.sandboxes, id, "pod sandbox")
}

func (r *Runtime) container(id string) (*container, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	return found(r.containers, id, "container")
}

// containersOf lists what belongs to a sandbox.
func (r *Runtime) containersOf(sandbox string) []*container {
	r.lock.Lock()
	defer r.lock.Unlock()
	var owned []*container
	for _, one := range r.containers {
		if one.sandbox.id == sandbox {
			owned = append(owned, one)
		}
	}
	return owned
}

func found[T any](all map[string]T, id, kind string) (T, error) {
	one, known := all[id]
	if !known {
		return one, status.Errorf(codes.NotFound, "no %s %q", kind, id)
	}
	return one, nil
}

// matches says whether an object has every label of a selector.
func matches(labels, selector map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}

func newID() string {
	bytes := make([]byte, 32)
	_, _ = rand.Read(bytes) // never fails
	return hex.EncodeToString(bytes)
}

func now() int64 { return time.Now().UnixNano() }
