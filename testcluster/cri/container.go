package cri

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	api "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// container is one that was created, from then until it is removed.
type container struct {
	id        string
	sandbox   *sandbox
	config    *api.ContainerConfig
	image     *Image
	directory string
	created   int64

	lock     sync.Mutex
	process  *process // nil before the start
	started  int64
	finished int64
	exitCode int32
}

func (c *container) logPath() string {
	return filepath.Join(c.sandbox.config.GetLogDirectory(), c.config.GetLogPath())
}

// state must be called with the lock held.
func (c *container) state() api.ContainerState {
	switch {
	case c.finished != 0:
		return api.ContainerState_CONTAINER_EXITED
	case c.started != 0:
		return api.ContainerState_CONTAINER_RUNNING
	default:
		return api.ContainerState_CONTAINER_CREATED
	}
}

// start runs the command and remembers when and how it ends.
func (c *container) start(nodeName string) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.sandbox.lock.RLock()
	defer c.sandbox.lock.RUnlock()
	if c.sandbox.launcher == nil {
		return errors.New("the pod sandbox is stopped")
	}
	process, err := startProcess(c.sandbox.launcher, specOf(c, nodeName), c.logPath())
	if err != nil {
		return err
	}
	c.process, c.started = process, now()
	go func() {
		<-process.ended
		c.lock.Lock()
		defer c.lock.Unlock()
		c.finished, c.exitCode = now(), process.exitCode
	}()
	return nil
}

// stop asks the container to end, and makes it after the grace period.
func (c *container) stop(ctx context.Context, grace time.Duration) {
	c.lock.Lock()
	process := c.process
	c.lock.Unlock()
	if process != nil {
		process.stop(ctx, grace)
	}
}

func (r *Runtime) CreateContainer(
	_ context.Context, request *api.CreateContainerRequest,
) (*api.CreateContainerResponse, error) {
	sandbox, err := r.sandbox(request.GetPodSandboxId())
	if err != nil {
		return nil, err
	}
	reference := request.GetConfig().GetImage().GetImage()
	image, err := r.images.find(reference)
	if err != nil {
		return nil, err
	}
	if image == nil {
		return nil, status.Errorf(codes.NotFound, "refused: no local command stands for image %q", reference)
	}
	id := newID()
	made := &container{
		id: id, sandbox: sandbox, config: request.GetConfig(), image: image, created: now(),
		directory: filepath.Join(r.options.Data, id[:12]),
	}
	if err := os.MkdirAll(made.directory, 0o755); err != nil {
		return nil, err
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	r.containers[id] = made
	return &api.CreateContainerResponse{ContainerId: id}, nil
}

func (r *Runtime) StartContainer(
	_ context.Context, request *api.StartContainerRequest,
) (*api.StartContainerResponse, error) {
	started, err := r.container(request.GetContainerId())
	if err != nil {
		return nil, err
	}
	return &api.StartContainerResponse{}, started.start(r.options.NodeName)
}

func (r *Runtime) StopContainer(
	ctx context.Context, request *api.StopContainerRequest,
) (*api.StopContainerResponse, error) {
	stopped, err := r.container(request.GetContainerId())
	if err != nil {
		return nil, err
	}
	stopped.stop(ctx, time.Duration(request.GetTimeout())*time.Second)
	return &api.StopContainerResponse{}, nil
}

func (r *Runtime) RemoveContainer(
	ctx context.Context, request *api.RemoveContainerRequest,
) (*api.RemoveContainerResponse, error) {
	removed, err := r.container(request.GetContainerId())
	if status.Code(err) == codes.NotFound {
		return &api.RemoveContainerResponse{}, nil
	}
	removed.stop(ctx, 0)
	r.remove(removed)
	return &api.RemoveContainerResponse{}, nil
}

func (r *Runtime) remove(gone *container) {
	r.lock.Lock()
	defer r.lock.Unlock()
	delete(r.containers, gone.id)
	_ = os.RemoveAll(gone.directory)
}

// ReopenContainerLog has nothing to do: see logFile.append.
func (r *Runtime) ReopenContainerLog(
	context.Context, *api.ReopenContainerLogRequest,
) (*api.ReopenContainerLogResponse, error) {
	return &api.ReopenContainerLogResponse{}, nil
}

func (r *Runtime) UpdateContainerResources(
	context.Context, *api.UpdateContainerResourcesRequest,
) (*api.UpdateContainerResourcesResponse, error) {
	return &api.UpdateContainerResourcesResponse{}, nil
}

func (r *Runtime) ContainerStatus(
	_ context.Context, request *api.ContainerStatusRequest,
) (*api.ContainerStatusResponse, error) {
	asked, err := r.container(request.GetContainerId())
	if err != nil {
		return nil, err
	}
	asked.lock.Lock()
	defer asked.lock.Unlock()
	answer := &api.ContainerStatus{
		Id: asked.id, Metadata: asked.config.GetMetadata(), State: asked.state(), CreatedAt: asked.created,
		StartedAt: asked.started, FinishedAt: asked.finished, ExitCode: asked.exitCode,
		Image: asked.config.GetImage(), ImageRef: asked.config.GetImage().GetImage(),
		ImageId: asked.config.GetImage().GetImage(), Labels: asked.config.GetLabels(),
		Annotations: asked.config.GetAnnotations(), Mounts: asked.config.GetMounts(), LogPath: asked.logPath(),
	}
	if asked.finished != 0 {
		answer.Reason = "Completed"
		if asked.exitCode != 0 {
			answer.Reason = "Error"
		}
	}
	return &api.ContainerStatusResponse{Status: answer}, nil
}

func (r *Runtime) ListContainers(
	_ context.Context, request *api.ListContainersRequest,
) (*api.ListContainersResponse, error) {
	filter := request.GetFilter()
	r.lock.Lock()
	defer r.lock.Unlock()
	answer := &api.ListContainersResponse{}
	for _, one := range r.containers {
		if item := one.listed(); wanted(item, filter) {
			answer.Containers = append(answer.Containers, item)
		}
	}
	return answer, nil
}

func (c *container) listed() *api.Container {
	c.lock.Lock()
	defer c.lock.Unlock()
	return &api.Container{
		Id: c.id, PodSandboxId: c.sandbox.id, Metadata: c.config.GetMetadata(), State: c.state(),
		Image: c.config.GetImage(), ImageRef: c.config.GetImage().GetImage(), ImageId: c.config.GetImage().GetImage(),
		CreatedAt: c.created, Labels: c.config.GetLabels(), Annotations: c.config.GetAnnotations(),
	}
}

func wanted(item *api.Container, filter *api.ContainerFilter) bool {
	return (filter.GetId() == "" || filter.GetId() == item.Id) &&
		(filter.GetPodSandboxId() == "" || filter.GetPodSandboxId() == item.PodSandboxId) &&
		(filter.GetState() == nil || filter.GetState().GetState() == item.State) &&
		matches(item.Labels, filter.GetLabelSelector())
}

// ExecSync runs a command inside a running container: probes and hooks do.
func (r *Runtime) ExecSync(ctx context.Context, request *api.ExecSyncRequest) (*api.ExecSyncResponse, error) {
	asked, err := r.container(request.GetContainerId())
	if err != nil {
		return nil, err
	}
	asked.lock.Lock()
	process, running := asked.process, asked.state() == api.ContainerState_CONTAINER_RUNNING
	asked.lock.Unlock()
	if !running {
		return nil, status.Error(codes.FailedPrecondition, "the container does not run")
	}
	if seconds := request.GetTimeout(); seconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
		defer cancel()
	}
	return process.run(ctx, request.GetCmd())
}
