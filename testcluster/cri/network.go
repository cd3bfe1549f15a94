package cri

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sealos.io/testcluster/launcher"
)

// gateway is every pod's next hop: the node's end of each pod's cable has this
// address, so it needs no network of its own.
var gateway = &net.IPNet{IP: net.IPv4(169, 254, 1, 1), Mask: net.CIDRMask(32, 32)}

// network hands out pod addresses and lays a cable (a pair of virtual network
// devices) between the node and each pod.
type network struct {
	pods   netip.Prefix
	nodeIP netip.Addr

	lock sync.Mutex
	last netip.Addr
	used map[netip.Addr]bool
}

func newNetwork(pods netip.Prefix, nodeIP netip.Addr) *network {
	return &network{pods: pods, nodeIP: nodeIP, last: pods.Addr(), used: map[netip.Addr]bool{}}
}

// take gives the next free address; one that was given back is not reused
// before all others were, as a reader of old state would take it for the old pod.
func (n *network) take() (netip.Addr, error) {
	n.lock.Lock()
	defer n.lock.Unlock()
	candidate := n.last
	for {
		candidate = candidate.Next()
		if !n.pods.Contains(candidate) {
			candidate = n.pods.Addr().Next()
		}
		if !n.used[candidate] {
			n.last, n.used[candidate] = candidate, true
			return candidate, nil
		}
		if candidate == n.last {
			return netip.Addr{}, errors.New("no pod address is free")
		}
	}
}

// connect makes a pod's network namespace. What the launcher starts runs in it;
// it vanishes with the launcher and the last process in it.
func (n *network) connect(name string, address netip.Addr, sysctls map[string]string) (*launcher.Launcher, error) {
	pod, err := launcher.New(func() error { return unix.Unshare(unix.CLONE_NEWNET) })
	if err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	if err := n.plug(pod, name, address, sysctls); err != nil {
		pod.Close()
		return nil, fmt.Errorf("network of pod %s: %w", address, err)
	}
	return pod, nil
}

// disconnect takes a pod off the network; its address may be given to another.
func (n *network) disconnect(name string, address netip.Addr) {
	if cable, err := netlink.LinkByName(name); err == nil {
		_ = netlink.LinkDel(cable) // or it vanished just now, with the namespace
	}
	n.lock.Lock()
	defer n.lock.Unlock()
	delete(n.used, address)
}

func (n *network) plug(pod *launcher.Launcher, name string, address netip.Addr, sysctls map[string]string) error {
	var namespace *os.File
	err := pod.Do(func() (err error) {
		namespace, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		return err
	}
	defer namespace.Close()
	cable := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: name},
		PeerName:      "eth0",
		PeerNamespace: netlink.NsFd(namespace.Fd()),
	}
	if err := netlink.LinkAdd(cable); err != nil {
		return err
	}
	if err := n.nodeEnd(cable, address); err != nil {
		return err
	}
	return pod.Do(func() error { return podEnd(address, sysctls) })
}

// nodeEnd is done in the node's namespace.
func (n *network) nodeEnd(cable netlink.Link, address netip.Addr) error {
	if err := netlink.AddrAdd(cable, &netlink.Addr{IPNet: gateway, Scope: unix.RT_SCOPE_LINK}); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(cable); err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{
		LinkIndex: cable.Attrs().Index, Dst: single(address), Src: n.nodeIP.AsSlice(), Scope: unix.RT_SCOPE_LINK,
	})
}

// podEnd is done in the pod's namespace.
func podEnd(address netip.Addr, sysctls map[string]string) error {
	for _, name := range []string{"lo", "eth0"} {
		device, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(device); err != nil {
			return err
		}
	}
	device, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(device, &netlink.Addr{IPNet: single(address)}); err != nil {
		return err
	}
	index := device.Attrs().Index
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: index, Dst: gateway, Scope: unix.RT_SCOPE_LINK}); err != nil {
		return err
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: index, Gw: gateway.IP}); err != nil {
		return err
	}
	return setSysctls(sysctls)
}

// setSysctls sets those that a network namespace has of its own. Ports below
// 1024 are for everybody, as with the usual runtimes.
func setSysctls(wished map[string]string) error {
	all := map[string]string{"net.ipv4.ip_unprivileged_port_start": "0"}
	for name, value := range wished {
		all[name] = value
	}
	for name, value := range all {
		path := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

func single(address netip.Addr) *net.IPNet {
	return &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(address.BitLen(), address.BitLen())}
}
