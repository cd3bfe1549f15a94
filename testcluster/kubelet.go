package main

import (
	"context"
	"path/filepath"

	cadvisorapi "github.com/google/cadvisor/info/v1"
	"github.com/spf13/cobra"
	"k8s.io/apiserver/pkg/server"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	cadvisor "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
)

const (
	kubeletPort = 10250
	maxPods     = 500
)

// machine is what the kubelet is told about the hardware: room for any test.
// Nothing is measured and no cgroup is touched.
type machine struct{ cadvisor.Fake }

func (m *machine) MachineInfo() (*cadvisorapi.MachineInfo, error) {
	return &cadvisorapi.MachineInfo{NumCores: 64, MemoryCapacity: 256 << 30, InstanceID: nodeName}, nil
}

// newKubeletCommand is the role kubelet: the upstream one, with our runtime.
func newKubeletCommand() *cobra.Command {
	var data string
	var number int
	command := &cobra.Command{
		Use:          "kubelet",
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			return runKubelet(server.SetupSignalContext(), data, block(number))
		},
	}
	addNodeFlags(command, &data, &number)
	return command
}

func addNodeFlags(command *cobra.Command, data *string, number *int) {
	command.Flags().StringVar(data, "data", "", "data directory")
	command.Flags().IntVar(number, "block", 0, "address block of the cluster")
}

func runKubelet(ctx context.Context, data string, addresses block) error {
	wish, err := options.NewKubeletServer()
	if err != nil {
		return err
	}
	wish.KubeConfig = kubeconfigPath(data, "node")
	wish.HostnameOverride = nodeName
	wish.NodeIP = addresses.host(links, 2).String()
	wish.RootDirectory = filepath.Join(data, "kubelet")
	wish.CertDirectory = filepath.Join(data, "kubelet", "pki")
	configureKubelet(&wish.KubeletConfiguration, data, addresses)
	parts, err := app.UnsecuredDependencies(ctx, wish, utilfeature.DefaultFeatureGate)
	if err != nil {
		return err
	}
	parts.ContainerManager = cm.NewStubContainerManager()
	parts.CAdvisorInterface = &machine{}
	return app.Run(ctx, wish, parts, utilfeature.DefaultFeatureGate)
}

func configureKubelet(config *kubeletconfig.KubeletConfiguration, data string, addresses block) {
	pki := func(file string) string { return filepath.Join(data, "pki", file) }
	config.Address = addresses.host(links, 2).String()
	config.Port = kubeletPort
	config.ReadOnlyPort = 0
	config.HealthzPort = 0
	config.TLSCertFile, config.TLSPrivateKeyFile = pki("kubelet.crt"), pki("kubelet.key")
	config.Authentication.Anonymous.Enabled = false
	config.Authentication.Webhook.Enabled = true
	config.Authentication.X509.ClientCAFile = pki("ca.crt")
	config.Authorization.Mode = kubeletconfig.KubeletAuthorizationModeWebhook
	config.RotateCertificates = false

	config.ContainerRuntimeEndpoint = "unix://" + runtimeSocket(data)
	config.ImageServiceEndpoint = config.ContainerRuntimeEndpoint
	config.PodLogsDir = filepath.Join(data, "pods")
	config.VolumePluginDir = filepath.Join(data, "kubelet", "plugins")
	config.StaticPodPath = ""
	config.ClusterDNS = []string{addresses.host(links, 3).String()}
	config.ClusterDomain = clusterDomain
	config.ResolverConfig = ""
	config.MaxPods = maxPods
	config.SerializeImagePulls = false
	config.RegistryPullQPS = 0
	config.KubeAPIQPS, config.KubeAPIBurst = 500, 1000
	config.EventRecordQPS, config.EventBurst = 500, 1000
	config.EnableControllerAttachDetach = false

	// Without cgroups, quotas and image collection there is nothing to watch over.
	config.CgroupsPerQOS = false
	config.EnforceNodeAllocatable = nil
	config.FailCgroupV1 = false
	config.FailSwapOn = false
	config.EvictionHard = nil
	config.LocalStorageCapacityIsolation = false
	config.ImageGCHighThresholdPercent = 100
	config.MakeIPTablesUtilChains = false
	config.ProtectKernelDefaults = false
}
