package cri

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// failureFile is where RunInit writes why it failed; it closes by itself when
// the container's command takes over.
const failureFile = 3

// RunInit is the container's process before its command: it is in the
// container's namespaces already, makes its files, gives up its privileges and
// then becomes the command. It returns only if that fails.
func RunInit() {
	runtime.LockOSThread()
	unix.CloseOnExec(failureFile)
	if err := become(); err != nil {
		fmt.Fprint(os.NewFile(failureFile, "failure"), err)
		os.Exit(128)
	}
}

func become() error {
	var wish spec
	if err := json.NewDecoder(os.Stdin).Decode(&wish); err != nil {
		return err
	}
	if len(wish.Command) == 0 {
		return fmt.Errorf("no command: neither the image nor the pod has one")
	}
	root, err := buildRoot(&wish)
	if err != nil {
		return err
	}
	if wish.Hostname != "" {
		if err := unix.Sethostname([]byte(wish.Hostname)); err != nil {
			return err
		}
	}
	if err := unix.Chroot(root); err != nil {
		return err
	}
	if err := unix.Chdir(wish.WorkingDir); err != nil {
		return fmt.Errorf("working directory %s: %w", wish.WorkingDir, err)
	}
	if err := emptyInput(); err != nil {
		return err
	}
	program, err := findProgram(&wish)
	if err != nil {
		return err
	}
	if err := giveStreams(&wish); err != nil {
		return err
	}
	if err := dropPrivileges(&wish); err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", program, unix.Exec(program, wish.Command, wish.Env))
}

func emptyInput() error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	return unix.Dup2(int(null.Fd()), 0)
}

// giveStreams makes output the container's own: it may be opened again by name, as /dev/stdout.
func giveStreams(wish *spec) error {
	for _, stream := range []int{1, 2} {
		if err := unix.Fchown(stream, int(wish.User), int(wish.Group)); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	}
	return nil
}

// findProgram looks where the container's own PATH points.
func findProgram(wish *spec) (string, error) {
	for _, line := range wish.Env {
		if len(line) > 5 && line[:5] == "PATH=" {
			if err := os.Setenv("PATH", line[5:]); err != nil {
				return "", err
			}
		}
	}
	return exec.LookPath(wish.Command[0])
}

// dropPrivileges leaves the capabilities that were asked for within reach of
// root, and makes the process the wished user's.
func dropPrivileges(wish *spec) error {
	if !wish.Privileged {
		for number, name := range capabilityNames {
			if !slices.Contains(wish.Capabilities, name) {
				if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(number), 0, 0, 0); err != nil {
					return fmt.Errorf("drop %s: %w", name, err)
				}
			}
		}
	}
	if wish.NoNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
	}
	var groups []int
	for _, group := range wish.Groups {
		groups = append(groups, int(group))
	}
	if err := unix.Setgroups(groups); err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	if err := unix.Setgid(int(wish.Group)); err != nil {
		return fmt.Errorf("group %d: %w", wish.Group, err)
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := unix.Setuid(int(wish.User)); err != nil {
		return fmt.Errorf("user %d: %w", wish.User, err)
	}
	if err := permit(wish); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	// Another user means that the kernel forgot that we end with the runtime.
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
}

// permit leaves the wished capabilities permitted until the command takes over. As with the usual runtimes they are not
// ambient: another user than root has them only where the command's file carries them, too.
func permit(wish *spec) error {
	if wish.Privileged {
		return nil
	}
	var sets [2]unix.CapUserData
	for number, name := range capabilityNames {
		if slices.Contains(wish.Capabilities, name) {
			sets[number/32].Permitted |= 1 << (number % 32)
		}
	}
	sets[0].Effective, sets[1].Effective = sets[0].Permitted, sets[1].Permitted
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return unix.Capset(&header, &sets[0])
}

// capabilityNames are in the order of the kernel's numbers.
var capabilityNames = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}
