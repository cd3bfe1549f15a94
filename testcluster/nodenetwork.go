package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sealos.io/testcluster/launcher"
)

// newNodeNamespaces makes the node: a network of its own, connected with the
// machine by a cable, and a view of mounts of its own. What the launcher
// starts is on the node; when the last of it has ended, all of it vanishes.
func newNodeNamespaces(addresses block) (*launcher.Launcher, error) {
	node, err := launcher.New(func() error {
		return unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_FS)
	})
	if errors.Is(err, unix.EPERM) {
		return nil, errors.New("a node needs the right to make namespaces (run as root, or use --no-node)")
	}
	if err != nil {
		return nil, fmt.Errorf("namespaces of the node: %w", err)
	}
	if err := layCable(node, addresses); err != nil {
		node.Close()
		return nil, fmt.Errorf("network of the node: %w", err)
	}
	if err := node.Do(hideMounts); err != nil {
		node.Close()
		return nil, fmt.Errorf("mounts of the node: %w", err)
	}
	return node, nil
}

// hideMounts keeps what is mounted on the node away from the machine, and what
// the kubelet writes outside of its directory.
func hideMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("tmpfs", "/var/log", "tmpfs", 0, "")
}

func layCable(node *launcher.Launcher, addresses block) error {
	var namespace *os.File
	err := node.Do(func() (err error) {
		namespace, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		return err
	}
	defer namespace.Close()
	name := fmt.Sprintf("testcluster%d", int(addresses))
	if old, err := netlink.LinkByName(name); err == nil {
		_ = netlink.LinkDel(old) // of a cluster that was killed and is about to vanish
	}
	cable := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "uplink", PeerNamespace: netlink.NsFd(namespace.Fd()),
	}
	if err := netlink.LinkAdd(cable); err != nil {
		return err
	}
	if err := machineEnd(cable, addresses); err != nil {
		return err
	}
	return node.Do(func() error { return nodeEnd(addresses) })
}

// machineEnd makes the cluster's addresses reachable from this machine.
func machineEnd(cable netlink.Link, addresses block) error {
	if err := configure(cable, addresses.host(links, 1), 30); err != nil {
		return err
	}
	for _, kind := range []int{services, pods, loadBalancers} {
		route := &netlink.Route{Dst: ipNet(addresses.network(kind)), Gw: addresses.host(links, 2).AsSlice()}
		if err := netlink.RouteAdd(route); err != nil {
			return err
		}
	}
	return nil
}

func nodeEnd(addresses block) error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := configure(loopback, addresses.host(links, 3), 32); err != nil {
		return err
	}
	uplink, err := netlink.LinkByName("uplink")
	if err != nil {
		return err
	}
	if err := configure(uplink, addresses.host(links, 2), 30); err != nil {
		return err
	}
	if err := netlink.RouteAdd(&netlink.Route{Gw: addresses.host(links, 1).AsSlice()}); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

func configure(device netlink.Link, address netip.Addr, bits int) error {
	if err := netlink.AddrAdd(device, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(address, bits))}); err != nil {
		return err
	}
	return netlink.LinkSetUp(device)
}

func ipNet(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), 32)}
}
