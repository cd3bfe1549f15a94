package main

import (
	"context"
	"net"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/net/dns/dnsmessage"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	clusterDomain = "cluster.local"
	timeToLive    = 5
)

// nameServer answers pods that ask for the addresses of Services. It knows
// nothing else: no name outside of the cluster resolves.
type nameServer struct {
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
}

// newDNSCommand is the role dns.
func newDNSCommand() *cobra.Command {
	var data string
	var number int
	command := &cobra.Command{
		Use:          "dns",
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			return runDNS(server.SetupSignalContext(), data, block(number))
		},
	}
	addNodeFlags(command, &data, &number)
	return command
}

func runDNS(ctx context.Context, data string, addresses block) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfigPath(data, "proxy"))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	names := &nameServer{
		services: factory.Core().V1().Services().Lister(),
		slices:   factory.Discovery().V1().EndpointSlices().Lister(),
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	socket, err := net.ListenPacket("udp", net.JoinHostPort(addresses.host(links, 3).String(), "53"))
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = socket.Close() })
	defer stop()
	return names.serve(ctx, socket)
}

func (n *nameServer) serve(ctx context.Context, socket net.PacketConn) error {
	buffer := make([]byte, 4096)
	for {
		size, from, err := socket.ReadFrom(buffer)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if answer := n.answer(buffer[:size]); answer != nil {
			_, _ = socket.WriteTo(answer, from)
		}
	}
}

// answer is nil for what is no question.
func (n *nameServer) answer(query []byte) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil
	}
	question, err := parser.Question()
	if err != nil {
		return nil
	}
	addresses, known := n.resolve(strings.ToLower(question.Name.String()))
	message := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired,
		},
		Questions: []dnsmessage.Question{question},
	}
	if !known {
		message.RCode = dnsmessage.RCodeNameError
	}
	if question.Type == dnsmessage.TypeA {
		message.Answers = records(question.Name, addresses)
	}
	packed, err := message.Pack()
	if err != nil {
		return nil
	}
	return packed
}

func records(name dnsmessage.Name, addresses []string) []dnsmessage.Resource {
	var all []dnsmessage.Resource
	for _, text := range addresses {
		address := net.ParseIP(text).To4()
		if address == nil {
			continue
		}
		all = append(all, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: timeToLive},
			Body:   &dnsmessage.AResource{A: [4]byte(address)},
		})
	}
	return all
}

// resolve knows SERVICE.NAMESPACE.svc.cluster.local, and POD.SERVICE... for
// the endpoints of a Service without an address that have a name.
func (n *nameServer) resolve(name string) (addresses []string, known bool) {
	parts := strings.Split(strings.TrimSuffix(name, ".svc."+clusterDomain+"."), ".")
	if !strings.HasSuffix(name, ".svc."+clusterDomain+".") || len(parts) < 2 || len(parts) > 3 {
		return nil, false
	}
	endpoint, found := "", parts
	if len(parts) == 3 {
		endpoint, found = parts[0], parts[1:]
	}
	service, err := n.services.Services(found[1]).Get(found[0])
	if err != nil {
		return nil, false
	}
	if service.Spec.ClusterIP == corev1.ClusterIPNone {
		addresses = n.endpoints(service, endpoint)
		return addresses, endpoint == "" || len(addresses) > 0
	}
	return service.Spec.ClusterIPs, endpoint == ""
}

func (n *nameServer) endpoints(service *corev1.Service, name string) (addresses []string) {
	selector := labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service.Name})
	slices, err := n.slices.EndpointSlices(service.Namespace).List(selector)
	if err != nil {
		return nil
	}
	for _, slice := range slices {
		for _, endpoint := range slice.Endpoints {
			ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
			named := name == "" || endpoint.Hostname != nil && *endpoint.Hostname == name
			if named && (ready || service.Spec.PublishNotReadyAddresses) {
				addresses = append(addresses, endpoint.Addresses...)
			}
		}
	}
	return addresses
}
