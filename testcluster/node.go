package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// nodeTools looks for the programs that the node calls.
func nodeTools() error {
	for _, name := range []string{"nft", "nsenter", "mount"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("a node needs the program %s (or use --no-node): %w", name, err)
		}
	}
	return nil
}

// runtimeReady is when somebody can call it; the kubelet does not try twice.
func runtimeReady(data string) func(context.Context) error {
	return func(context.Context) error {
		connection, err := net.Dial("unix", runtimeSocket(data))
		if err == nil {
			_ = connection.Close()
		}
		return err
	}
}

// nodeReady is when the node says so itself.
func nodeReady(client kubernetes.Interface) func(context.Context) error {
	return func(ctx context.Context) error {
		node, err := client.CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("node %s is not ready: %v", nodeName, node.Status.Conditions)
	}
}
