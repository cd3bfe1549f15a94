package main

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// loadBalancer gives every Service of that type an address, as a cloud would:
// the one it asks for, if that is ours to give and free, and none if it is not.
// kube-proxy does the rest: it takes the address for the Service.
type loadBalancer struct {
	client    kubernetes.Interface
	addresses netip.Prefix
	given     map[string]netip.Addr // by namespace/name
}

// run serves until the context ends.
func (l *loadBalancer) run(ctx context.Context) {
	factory := informers.NewSharedInformerFactory(l.client, 0)
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { l.serve(ctx, object.(*corev1.Service)) },
		UpdateFunc: func(_, object any) { l.serve(ctx, object.(*corev1.Service)) },
		DeleteFunc: func(object any) {
			if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
				delete(l.given, key)
			}
		},
	}
	if _, err := factory.Core().V1().Services().Informer().AddEventHandler(handler); err != nil {
		log.Print("load balancer: ", err)
		return
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	factory.Shutdown()
}

// serve is called for one Service at a time.
func (l *loadBalancer) serve(ctx context.Context, service *corev1.Service) {
	key := service.Namespace + "/" + service.Name
	if service.Spec.Type != corev1.ServiceTypeLoadBalancer || service.Spec.LoadBalancerClass != nil {
		delete(l.given, key)
		return
	}
	if present := service.Status.LoadBalancer.Ingress; len(present) > 0 {
		if address, err := netip.ParseAddr(present[0].IP); err == nil && l.suits(service, address) {
			l.given[key] = address
			return
		}
	}
	wanted := []corev1.LoadBalancerIngress{}
	if address, found := l.take(key, service.Spec.LoadBalancerIP); found {
		wanted = append(wanted, corev1.LoadBalancerIngress{IP: address.String()})
	} else {
		delete(l.given, key)
	}
	if len(wanted) == 0 && len(service.Status.LoadBalancer.Ingress) == 0 {
		return
	}
	changed := service.DeepCopy()
	changed.Status.LoadBalancer.Ingress = wanted
	_, err := l.client.CoreV1().Services(service.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	if err != nil {
		log.Print(fmt.Errorf("load balancer: %s: %w", key, err)) // the next change of the object tries again
	}
}

// suits tells whether an address is the one that the Service asks for, if it asks for one.
func (l *loadBalancer) suits(service *corev1.Service, address netip.Addr) bool {
	return service.Spec.LoadBalancerIP == "" || service.Spec.LoadBalancerIP == address.String()
}

// take gives the address that is asked for; without such a wish the one the
// Service had, or the first one that is free.
func (l *loadBalancer) take(key, wish string) (netip.Addr, bool) {
	taken := map[netip.Addr]bool{}
	for other, address := range l.given {
		if other != key {
			taken[address] = true
		}
	}
	address, had := l.given[key]
	if wish != "" {
		wished, err := netip.ParseAddr(wish)
		if err != nil || !l.addresses.Contains(wished) || taken[wished] {
			return netip.Addr{}, false
		}
		address = wished
	} else if !had {
		address = l.addresses.Addr().Next()
		for taken[address] {
			address = address.Next()
		}
	}
	l.given[key] = address
	return address, true
}
