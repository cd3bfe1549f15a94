package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"sealos.io/testcluster/launcher"
)

// cluster is the running whole: its state on disk and its components.
type cluster struct {
	settings
	addresses block
	client    kubernetes.Interface
	launcher  *launcher.Launcher // where components start: on the machine, then on the node
	stops     []func()           // one for each running component, in order of start
}

// runCluster starts the cluster, prints the path of its kubeconfig and waits.
func runCluster(ctx context.Context, wish settings) error {
	c := &cluster{settings: wish}
	removeData, err := c.prepareData()
	if err != nil {
		return err
	}
	defer removeData()
	addresses, lock, err := claimBlock(c.data)
	if err != nil {
		return err
	}
	defer lock.Close()
	c.addresses = addresses
	port, reserved, err := reservePort(c.port)
	if err != nil {
		return err
	}
	defer reserved.Close()
	c.port = port
	defer c.stop()
	if err := c.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	fmt.Println(c.kubeconfig)
	<-ctx.Done()
	return nil
}

// prepareData makes the directories; the returned function removes what must not stay.
func (c *cluster) prepareData() (func(), error) {
	remove := func() {}
	if c.data == "" {
		temporary, err := os.MkdirTemp("", "testcluster-")
		if err != nil {
			return nil, err
		}
		c.data = temporary
		remove = func() { _ = os.RemoveAll(temporary) }
	}
	absolute, err := filepath.Abs(c.data)
	if err != nil {
		return nil, err
	}
	c.data = absolute
	for _, name := range []string{"run", "log", "hold", "containers", "kubelet", "pods"} {
		if err := os.MkdirAll(filepath.Join(c.data, name), 0o700); err != nil {
			return nil, err
		}
	}
	return remove, nil
}

func (c *cluster) start(ctx context.Context) error {
	if err := c.writeFiles(); err != nil {
		return err
	}
	if err := c.startControlPlane(ctx); err != nil || c.apiOnly {
		return err
	}
	controllers := c.launch("kube-controller-manager", controllerFlags(c.data)...)
	c.launch("kube-scheduler", schedulerFlags(c.data)...)
	if !c.noNode {
		if err := c.startNode(ctx); err != nil {
			return err
		}
	}
	return controllers.awaitReady(ctx, controllersReady(c.client))
}

func (c *cluster) startControlPlane(ctx context.Context) error {
	machine, err := launcher.New(func() error { return nil })
	if err != nil {
		return err
	}
	c.launcher = machine
	c.launch("etcd", "--data="+c.data)
	server := c.launch("kube-apiserver", append(apiServerFlags(c.data, c.port, c.addresses), c.apiFlags...)...)
	return server.awaitReady(ctx, apiServerReady(c.client))
}

func (c *cluster) startNode(ctx context.Context) error {
	if err := nodeTools(); err != nil {
		return err
	}
	node, err := newNodeNamespaces(c.addresses)
	if err != nil {
		return err
	}
	c.launcher = node
	port := strconv.Itoa(c.port)
	link := net.JoinHostPort(c.addresses.host(links, 1).String(), port)
	forwarder, err := startForwarder(link, net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	c.stops = append(c.stops, forwarder.stop)
	c.background((&loadBalancer{c.client, c.addresses.network(loadBalancers), map[string]netip.Addr{}}).run)
	place := []string{"--data=" + c.data, "--block=" + strconv.Itoa(int(c.addresses))}
	runtime := c.launch("runtime", append(place, "--images="+c.images)...)
	c.launch("kube-proxy", proxyFlags(c.data, c.addresses)...)
	c.launch("dns", place...)
	if err := runtime.awaitReady(ctx, runtimeReady(c.data)); err != nil {
		return err
	}
	return c.launch("kubelet", place...).awaitReady(ctx, nodeReady(c.client))
}

// writeFiles writes what the components read, and makes our own client.
func (c *cluster) writeFiles() error {
	if err := writeCredentials(c.data, c.addresses); err != nil {
		return err
	}
	if err := writeKubeconfigs(c.data, c.port, c.addresses); err != nil {
		return err
	}
	if c.images == "" {
		c.images = filepath.Join(c.data, "images.json")
	}
	if _, err := os.Stat(c.images); os.IsNotExist(err) {
		if err := os.WriteFile(c.images, []byte("{}\n"), 0o600); err != nil {
			return err
		}
	}
	own := kubeconfigPath(c.data, "admin")
	if c.kubeconfig == "" {
		c.kubeconfig = own
	} else if err := copyFile(own, c.kubeconfig); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", own)
	if err != nil {
		return err
	}
	c.client, err = kubernetes.NewForConfig(config)
	return err
}

// launch starts a component; stop ends it before those that were started earlier.
func (c *cluster) launch(name string, arguments ...string) *component {
	part := &component{name: name, data: c.data, launcher: c.launcher, arguments: arguments}
	c.background(part.run)
	return part
}

func (c *cluster) background(run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { run(ctx) })
	c.stops = append(c.stops, func() {
		cancel()
		running.Wait()
	})
}

func (c *cluster) stop() {
	for index := len(c.stops) - 1; index >= 0; index-- {
		c.stops[index]()
	}
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}
