// Testcluster starts a real Kubernetes cluster on this machine, from nothing,
// for the tests of the gateway.
//
// One binary plays every part. Called without a role it is the supervisor: it
// prepares a data directory (certificates, kubeconfigs), starts itself once
// more for each role, prints the path of a kubeconfig as its last line and
// runs until SIGINT or SIGTERM. The roles etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler, kubelet and kube-proxy are the
// upstream programs with flags we choose. The role runtime is our own (package
// cri): it runs containers as local processes; dns is a small name server.
// kubelet, kube-proxy, runtime and dns are in namespaces of their own, the node
// (nodenetwork.go).
//
// Every role is a process of its own so that a test can do to it what a real
// cluster suffers: see component.go for how to kill, stop and hold back one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	"sealos.io/testcluster/cri"
)

// roles are the parts the binary plays when its first argument names one.
var roles = map[string]func() *cobra.Command{
	"etcd":                    newStoreCommand,
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kube-proxy":              proxy.NewProxyCommand,
	"kubelet":                 newKubeletCommand,
	"runtime":                 newRuntimeCommand,
	"dns":                     newDNSCommand,
}

func main() {
	if len(os.Args) > 1 {
		if os.Args[1] == cri.InitRole {
			cri.RunInit()
		}
		if role, found := roles[os.Args[1]]; found {
			play(role(), os.Args[2:])
			return
		}
	}
	if err := supervise(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "testcluster:", err)
		os.Exit(1)
	}
}

func play(command *cobra.Command, arguments []string) {
	command.SetArgs(arguments)
	if err := command.Execute(); err != nil {
		os.Exit(1)
	}
}

func supervise(arguments []string) error {
	wish, err := parseSettings(arguments)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if wish.untilEOF {
		ctx = cancelledAtEOF(ctx, os.Stdin)
	}
	return runCluster(ctx, wish)
}
