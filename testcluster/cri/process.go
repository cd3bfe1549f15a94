package cri

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc/status"
	api "k8s.io/cri-api/pkg/apis/runtime/v1"

	"sealos.io/testcluster/launcher"
)

// InitRole is the first argument with which the program calls itself to become
// a container; RunInit is what it does then.
const InitRole = "container-init"

// stuck is how long a killed process may take to end.
const stuck = 10 * time.Second

// process is the running command of a container.
type process struct {
	spec     *spec
	command  *exec.Cmd
	ended    chan struct{}
	exitCode int32 // once it has ended
}

// startProcess returns when the command itself runs, or with the reason why not.
func startProcess(where *launcher.Launcher, wish *spec, logPath string) (*process, error) {
	encoded, err := json.Marshal(wish)
	if err != nil {
		return nil, err
	}
	failure, failureEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer failure.Close()
	log := &logFile{path: logPath}
	stdout, stderr := &logStream{file: log, name: "stdout"}, &logStream{file: log, name: "stderr"}
	command := exec.Command("/proc/self/exe", InitRole)
	command.Args[0] = "testcluster"
	command.Stdin = bytes.NewReader(encoded)
	command.Stdout, command.Stderr = stdout, stderr
	command.ExtraFiles = []*os.File{failureEnd}
	command.WaitDelay = time.Second
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	err = where.Start(command)
	_ = failureEnd.Close()
	if err != nil {
		return nil, err
	}
	started := &process{spec: wish, command: command, ended: make(chan struct{})}
	go started.wait(stdout, stderr)
	// The other end closes when the container's command replaces the init role.
	if reason, _ := io.ReadAll(failure); len(reason) > 0 {
		<-started.ended
		return nil, errors.New(string(reason))
	}
	return started, nil
}

func (p *process) wait(streams ...*logStream) {
	_ = p.command.Wait() // how it ended is in the state
	for _, stream := range streams {
		stream.flush()
	}
	p.exitCode = exitCode(p.command.ProcessState)
	close(p.ended)
}

func exitCode(state *os.ProcessState) int32 {
	if how, ok := state.Sys().(syscall.WaitStatus); ok && how.Signaled() {
		return 128 + int32(how.Signal())
	}
	return int32(state.ExitCode())
}

func (p *process) stop(ctx context.Context, grace time.Duration) {
	if grace > 0 {
		_ = p.command.Process.Signal(syscall.SIGTERM)
		p.awaitEnd(ctx, grace)
	}
	_ = p.command.Process.Kill()
	p.awaitEnd(context.WithoutCancel(ctx), stuck)
}

func (p *process) awaitEnd(ctx context.Context, patience time.Duration) {
	select {
	case <-p.ended:
	case <-ctx.Done():
	case <-time.After(patience):
	}
}

// run runs another command in the container, as the container's user.
func (p *process) run(ctx context.Context, arguments []string) (*api.ExecSyncResponse, error) {
	enter := []string{
		"--target", strconv.Itoa(p.command.Process.Pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd",
		"--setgid", strconv.FormatInt(p.spec.Group, 10), "--setuid", strconv.FormatInt(p.spec.User, 10), "--",
	}
	command := exec.CommandContext(ctx, "nsenter", append(enter, arguments...)...)
	command.Env = p.spec.Env
	command.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil && command.ProcessState == nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return &api.ExecSyncResponse{
		Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), ExitCode: exitCode(command.ProcessState),
	}, nil
}
