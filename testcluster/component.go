package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"sealos.io/testcluster/launcher"
)

const (
	restartDelay = 200 * time.Millisecond
	stopPatience = 10 * time.Second
)

// component is one role in a process of its own, started again when it ends.
//
// For tests that do harm: run/NAME.pid in the data directory holds its process
// id (kill it, stop it); while a file hold/NAME exists it is not started again.
// log/NAME.log is everything it printed.
type component struct {
	name      string
	data      string
	launcher  *launcher.Launcher
	arguments []string
	ends      atomic.Int32 // how often its process has ended
}

// run keeps the component alive until the context ends, then stops it.
func (c *component) run(ctx context.Context) {
	for c.released(ctx) {
		if err := c.runOnce(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "testcluster: %s: %v\n", c.name, err)
		}
		c.ends.Add(1)
		sleep(ctx, restartDelay)
	}
}

// released waits while the component is held back; false when all ends.
func (c *component) released(ctx context.Context) bool {
	for ctx.Err() == nil {
		if _, err := os.Stat(filepath.Join(c.data, "hold", c.name)); os.IsNotExist(err) {
			return true
		}
		sleep(ctx, restartDelay/4)
	}
	return false
}

func (c *component) runOnce(ctx context.Context) error {
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	// This very program, even if its file has been replaced since.
	process := exec.CommandContext(ctx, "/proc/self/exe", append([]string{c.name}, c.arguments...)...)
	process.Args[0] = "testcluster"
	process.Stdout, process.Stderr = log, log
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	process.Cancel = func() error { return process.Process.Signal(syscall.SIGTERM) }
	process.WaitDelay = stopPatience
	if err := c.launcher.Start(process); err != nil {
		return err
	}
	pidFile := filepath.Join(c.data, "run", c.name+".pid")
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(process.Process.Pid)), 0o600); err != nil {
		return err
	}
	err = process.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *component) logFile() string {
	return filepath.Join(c.data, "log", c.name+".log")
}

// awaitReady polls the probe until it succeeds. A component that ends before
// it was ready will not become so: its last words are the error.
func (c *component) awaitReady(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || c.ends.Load() > 0 {
			return fmt.Errorf("%s did not become ready: %w\n%s", c.name, err, c.lastWords())
		}
		sleep(ctx, 50*time.Millisecond)
	}
}

func (c *component) lastWords() string {
	text, err := os.ReadFile(c.logFile())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

func sleep(ctx context.Context, duration time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(duration):
	}
}
