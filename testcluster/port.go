package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// reservePort binds a port on loopback without listening, so that it belongs
// to this cluster also while the API server is away. The API server binds it a
// second time (--permit-port-sharing); connections reach only who listens.
func reservePort(port int) (int, *os.File, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, err
	}
	file := os.NewFile(uintptr(socket), "reserved port")
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return 0, nil, err
	}
	if err := unix.Bind(socket, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, nil, fmt.Errorf("port %d: %w", port, err)
	}
	name, err := unix.Getsockname(socket)
	if err != nil {
		return 0, nil, err
	}
	return name.(*unix.SockaddrInet4).Port, file, nil
}
