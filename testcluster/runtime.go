package main

import (
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/apiserver/pkg/server"

	"sealos.io/testcluster/cri"
)

// runtimeSocket is where the kubelet finds the container runtime.
func runtimeSocket(data string) string {
	return filepath.Join(data, "runtime.sock")
}

// newRuntimeCommand is the role runtime: containers that are local processes.
func newRuntimeCommand() *cobra.Command {
	var data, images string
	var number int
	command := &cobra.Command{
		Use:          "runtime",
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			addresses := block(number)
			return cri.Run(server.SetupSignalContext(), cri.Options{
				Socket:   runtimeSocket(data),
				Data:     filepath.Join(data, "containers"),
				Images:   images,
				Pods:     addresses.network(pods),
				NodeIP:   addresses.host(links, 2),
				NodeName: nodeName,
			})
		},
	}
	addNodeFlags(command, &data, &number)
	command.Flags().StringVar(&images, "images", "", "table of images")
	return command
}
