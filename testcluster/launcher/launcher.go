// Package launcher starts processes from a thread that has namespaces of its
// own, which is how Linux hands namespaces down.
package launcher

import (
	"os/exec"
	"runtime"
	"syscall"
)

// Launcher is a thread that starts processes. They inherit the thread's
// namespaces. The kernel kills them when the thread ends: when the launcher is
// closed, or the whole program ends, however it does.
type Launcher struct {
	work chan func()
}

// New makes a launcher whose thread has done prepare first, for example
// entered other namespaces.
func New(prepare func() error) (*Launcher, error) {
	l := &Launcher{work: make(chan func())}
	prepared := make(chan error)
	go func() {
		// Never unlocked: Go ends a thread that it may not use for anything else.
		runtime.LockOSThread()
		err := prepare()
		prepared <- err
		if err != nil {
			return
		}
		for task := range l.work {
			task()
		}
	}()
	return l, <-prepared
}

// Do runs the task on the launcher's thread and waits for it.
func (l *Launcher) Do(task func() error) error {
	result := make(chan error)
	l.work <- func() { result <- task() }
	return <-result
}

// Start starts the process on the launcher's thread.
func (l *Launcher) Start(process *exec.Cmd) error {
	if process.SysProcAttr == nil {
		process.SysProcAttr = &syscall.SysProcAttr{}
	}
	process.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return l.Do(process.Start)
}

// Close ends the thread, and with it whatever it started that still runs.
func (l *Launcher) Close() {
	close(l.work)
}
