package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// block is the share of 100.64.0.0/10 (shared address space, so no network a
// machine is usually in) that one cluster has: four /16 networks. Clusters that
// run at the same time have different blocks.
type block int

const blocks = 16

// Networks of a block, in order.
const (
	services = iota
	pods
	loadBalancers
	links
)

func (b block) network(kind int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{100, byte(64 + 4*int(b) + kind), 0, 0}), 16)
}

// host is the nth address of a network.
func (b block) host(kind int, n byte) netip.Addr {
	bytes := b.network(kind).Addr().As4()
	bytes[3] = n
	return netip.AddrFrom4(bytes)
}

// claimBlock takes a free block, or the one the data directory had before. The
// returned file is the lock; it must stay open as long as the cluster runs.
func claimBlock(data string) (block, *os.File, error) {
	remembered := filepath.Join(data, "block")
	if text, err := os.ReadFile(remembered); err == nil {
		number, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return 0, nil, fmt.Errorf("%s: %w", remembered, err)
		}
		lock, err := lockBlock(block(number))
		return block(number), lock, err
	}
	for candidate := range block(blocks) {
		if lock, err := lockBlock(candidate); err == nil {
			return candidate, lock, os.WriteFile(remembered, []byte(strconv.Itoa(int(candidate))), 0o600)
		}
	}
	return 0, nil, errors.New("every address block is in use by another cluster")
}

func lockBlock(b block) (*os.File, error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("testcluster-block-%d.lock", int(b)))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}
