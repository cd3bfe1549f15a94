package cri

import (
	"context"
	"net/netip"
	"os"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	api "k8s.io/cri-api/pkg/apis/runtime/v1"

	"sealos.io/testcluster/launcher"
)

// sandbox is what the containers of one pod share: the network.
type sandbox struct {
	id      string
	config  *api.PodSandboxConfig
	created int64
	address netip.Addr // zero for pods in the node's own network

	lock     sync.RWMutex
	launcher *launcher.Launcher // starts processes inside; nil once stopped
}

func (s *sandbox) state() api.PodSandboxState {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if s.launcher == nil {
		return api.PodSandboxState_SANDBOX_NOTREADY
	}
	return api.PodSandboxState_SANDBOX_READY
}

// cable is the name of the node's end of the pod's cable.
func (s *sandbox) cable() string { return "pod" + s.id[:8] }

func (s *sandbox) namespaces() *api.NamespaceOption {
	return s.config.GetLinux().GetSecurityContext().GetNamespaceOptions()
}

func (r *Runtime) RunPodSandbox(
	_ context.Context, request *api.RunPodSandboxRequest,
) (*api.RunPodSandboxResponse, error) {
	made := &sandbox{id: newID(), config: request.GetConfig(), created: now()}
	if directory := made.config.GetLogDirectory(); directory != "" {
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return nil, err
		}
	}
	if err := r.join(made); err != nil {
		return nil, err
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	r.sandboxes[made.id] = made
	return &api.RunPodSandboxResponse{PodSandboxId: made.id}, nil
}

// join gives the sandbox its network: the node's, or one of its own.
func (r *Runtime) join(made *sandbox) (err error) {
	if made.namespaces().GetNetwork() == api.NamespaceMode_NODE {
		made.launcher, err = launcher.New(func() error { return nil })
		return err
	}
	for _, port := range made.config.GetPortMappings() {
		if port.GetHostPort() != 0 {
			return status.Error(codes.Unimplemented, "host ports need hostNetwork here")
		}
	}
	if made.address, err = r.network.take(); err != nil {
		return err
	}
	made.launcher, err = r.network.connect(made.cable(), made.address, made.config.GetLinux().GetSysctls())
	if err != nil {
		r.network.disconnect(made.cable(), made.address)
	}
	return err
}

func (r *Runtime) StopPodSandbox(
	ctx context.Context, request *api.StopPodSandboxRequest,
) (*api.StopPodSandboxResponse, error) {
	stopped, err := r.sandbox(request.GetPodSandboxId())
	if status.Code(err) == codes.NotFound {
		return &api.StopPodSandboxResponse{}, nil
	}
	for _, one := range r.containersOf(stopped.id) {
		one.stop(ctx, 0)
	}
	stopped.lock.Lock()
	defer stopped.lock.Unlock()
	if stopped.launcher != nil {
		stopped.launcher.Close()
		stopped.launcher = nil
		r.network.disconnect(stopped.cable(), stopped.address)
	}
	return &api.StopPodSandboxResponse{}, nil
}

func (r *Runtime) RemovePodSandbox(
	ctx context.Context, request *api.RemovePodSandboxRequest,
) (*api.RemovePodSandboxResponse, error) {
	id := request.GetPodSandboxId()
	if _, err := r.StopPodSandbox(ctx, &api.StopPodSandboxRequest{PodSandboxId: id}); err != nil {
		return nil, err
	}
	for _, one := range r.containersOf(id) {
		r.remove(one)
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	delete(r.sandboxes, id)
	return &api.RemovePodSandboxResponse{}, nil
}

func (r *Runtime) PodSandboxStatus(
	_ context.Context, request *api.PodSandboxStatusRequest,
) (*api.PodSandboxStatusResponse, error) {
	asked, err := r.sandbox(request.GetPodSandboxId())
	if err != nil {
		return nil, err
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	network := &api.PodSandboxNetworkStatus{}
	if asked.address.IsValid() {
		network.Ip = asked.address.String()
	}
	return &api.PodSandboxStatusResponse{Status: &api.PodSandboxStatus{
		Id: asked.id, Metadata: asked.config.GetMetadata(), State: asked.state(), CreatedAt: asked.created,
		Network: network, Labels: asked.config.GetLabels(), Annotations: asked.config.GetAnnotations(),
		Linux: &api.LinuxPodSandboxStatus{Namespaces: &api.Namespace{Options: asked.namespaces()}},
	}}, nil
}

func (r *Runtime) ListPodSandbox(
	_ context.Context, request *api.ListPodSandboxRequest,
) (*api.ListPodSandboxResponse, error) {
	filter := request.GetFilter()
	r.lock.Lock()
	defer r.lock.Unlock()
	answer := &api.ListPodSandboxResponse{}
	for _, one := range r.sandboxes {
		wanted := (filter.GetId() == "" || filter.GetId() == one.id) &&
			(filter.GetState() == nil || filter.GetState().GetState() == one.state()) &&
			matches(one.config.GetLabels(), filter.GetLabelSelector())
		if wanted {
			answer.Items = append(answer.Items, &api.PodSandbox{
				Id: one.id, Metadata: one.config.GetMetadata(), State: one.state(), CreatedAt: one.created,
				Labels: one.config.GetLabels(), Annotations: one.config.GetAnnotations(),
			})
		}
	}
	return answer, nil
}
