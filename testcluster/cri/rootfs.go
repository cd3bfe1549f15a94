package cri

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"
)

// buildRoot makes the container's view of the files and returns its path: the
// machine's own, under a layer in memory that takes what the container
// changes, with the container's mounts in it.
func buildRoot(wish *spec) (string, error) {
	// What is mounted from here on is for this container alone.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return "", fmt.Errorf("private mounts: %w", err)
	}
	root, err := overlay(wish.Directory)
	if err != nil {
		return "", err
	}
	if err := systemMounts(root); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(root, "etc/resolv.conf"), []byte(wish.Resolver), 0o644); err != nil {
		return "", err
	}
	for _, one := range wish.Mounts {
		if err := bind(root, one); err != nil {
			return "", err
		}
	}
	if err := openUp(root, wish.Command[0]); err != nil {
		return "", err
	}
	if wish.ReadOnlyRoot {
		for _, path := range []string{"", "run"} {
			if err := remountReadOnly(filepath.Join(root, path)); err != nil {
				return "", err
			}
		}
	}
	return root, nil
}

func overlay(directory string) (string, error) {
	if err := unix.Mount("tmpfs", directory, "tmpfs", 0, "mode=755"); err != nil {
		return "", fmt.Errorf("tmpfs: %w", err)
	}
	for _, name := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(directory, name), 0o755); err != nil {
			return "", err
		}
	}
	root := filepath.Join(directory, "root")
	layers := fmt.Sprintf("lowerdir=/,upperdir=%s/upper,workdir=%s/work", directory, directory)
	if err := unix.Mount("overlay", root, "overlay", 0, layers); err != nil {
		return "", fmt.Errorf("overlay: %w", err)
	}
	return root, nil
}

// systemMounts are what every container has. /run is empty: the machine's
// sockets are not the container's business.
func systemMounts(root string) error {
	for _, one := range []struct {
		source, target, kind string
		flags                uintptr
		data                 string
	}{
		{"proc", "proc", "proc", 0, ""},
		{"/sys", "sys", "", unix.MS_BIND | unix.MS_REC, ""},
		{"/dev", "dev", "", unix.MS_BIND | unix.MS_REC, ""},
		{"tmpfs", "dev/shm", "tmpfs", 0, "mode=1777"},
		{"tmpfs", "run", "tmpfs", 0, "mode=755"},
	} {
		if err := unix.Mount(one.source, filepath.Join(root, one.target), one.kind, one.flags, one.data); err != nil {
			return fmt.Errorf("/%s: %w", one.target, err)
		}
	}
	return nil
}

func bind(root string, one mount) error {
	target, err := securejoin.SecureJoin(root, one.Target)
	if err != nil {
		return err
	}
	if err := makeTarget(one.Source, target); err != nil {
		return err
	}
	if err := unix.Mount(one.Source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount %s: %w", one.Target, err)
	}
	if one.ReadOnly {
		return remountReadOnly(target)
	}
	return nil
}

// makeTarget makes what can be mounted on: a directory for a directory, a file for all else.
func makeTarget(source, target string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(target, os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}

func remountReadOnly(path string) error {
	return unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
}

// openUp lets every user reach the command, as in an image, wherever on the
// machine it is installed. Only the container's layer changes.
func openUp(root, command string) error {
	for _, path := range []string{command, resolved(command)} {
		for parent := filepath.Dir(path); len(parent) > 1; parent = filepath.Dir(parent) {
			inside := filepath.Join(root, parent)
			info, err := os.Stat(inside)
			if err != nil || info.Mode()&0o055 == 0o055 {
				continue
			}
			if err := os.Chmod(inside, info.Mode().Perm()|0o055); err != nil {
				return err
			}
		}
	}
	return nil
}

func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
