package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// nodeName is the name of the one node.
const nodeName = "node-1"

// user is somebody the API server knows by a client certificate.
type user struct {
	file, name string
	groups     []string
	onNode     bool // calls from the node, so through the forwarder
}

// users with a kubeconfig of their own, in the data directory as FILE.kubeconfig.
var users = []user{
	{file: "admin", name: "kubernetes-admin", groups: []string{"system:masters"}},
	{file: "controller-manager", name: "system:kube-controller-manager"},
	{file: "scheduler", name: "system:kube-scheduler"},
	{file: "node", name: "system:node:" + nodeName, groups: []string{"system:nodes"}, onNode: true},
	{file: "proxy", name: "system:kube-proxy", onNode: true},
}

// writeCredentials fills DATA/pki once; a kept data directory has it already.
func writeCredentials(data string, addresses block) error {
	directory := filepath.Join(data, "pki")
	if _, err := os.Stat(directory); err == nil {
		return nil
	}
	if err := os.Mkdir(directory, 0o700); err != nil {
		return err
	}
	ca, err := newAuthority(directory, "ca")
	if err != nil {
		return err
	}
	if err := issueServers(ca, addresses); err != nil {
		return err
	}
	for _, user := range users {
		if err := ca.client(user.file, user.name, user.groups...); err != nil {
			return err
		}
	}
	if err := ca.client("kubelet-client", "kube-apiserver", "system:masters"); err != nil {
		return err
	}
	frontProxy, err := newAuthority(directory, "front-proxy-ca")
	if err != nil {
		return err
	}
	if err := frontProxy.client("front-proxy-client", "front-proxy-client"); err != nil {
		return err
	}
	if _, err := writeKey(directory, "service-accounts"); err != nil {
		return err
	}
	return writeToken(directory)
}

func issueServers(ca *authority, addresses block) error {
	loopback := net.IPv4(127, 0, 0, 1)
	kubernetes := []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc.cluster.local"}
	apiServer := []net.IP{loopback, addresses.host(services, 1).AsSlice(), addresses.host(links, 1).AsSlice()}
	if err := ca.server("apiserver", kubernetes, apiServer); err != nil {
		return err
	}
	return ca.server("kubelet", []string{nodeName}, []net.IP{loopback, addresses.host(links, 2).AsSlice()})
}

// writeToken makes the administrator's bearer token, for tests of token authentication.
func writeToken(directory string) error {
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	token := hex.EncodeToString(secret)
	if err := os.WriteFile(filepath.Join(directory, "token"), []byte(token), 0o600); err != nil {
		return err
	}
	line := fmt.Sprintf("%s,token-admin,token-admin,system:masters\n", token)
	return os.WriteFile(filepath.Join(directory, "tokens.csv"), []byte(line), 0o600)
}

// writeKubeconfigs writes one kubeconfig for each user. The administrator's
// has a second context, "token", that authenticates with the bearer token.
func writeKubeconfigs(data string, port int, addresses block) error {
	for _, user := range users {
		host := "127.0.0.1"
		if user.onNode {
			host = addresses.host(links, 1).String()
		}
		config, err := newKubeconfig(data, fmt.Sprintf("https://%s:%d", host, port), user.file)
		if err != nil {
			return err
		}
		if user.file == "admin" {
			token, err := os.ReadFile(filepath.Join(data, "pki", "token"))
			if err != nil {
				return err
			}
			config.AuthInfos["token"] = &clientcmdapi.AuthInfo{Token: string(token)}
			config.Contexts["token"] = &clientcmdapi.Context{Cluster: "testcluster", AuthInfo: "token"}
		}
		if err := clientcmd.WriteToFile(*config, kubeconfigPath(data, user.file)); err != nil {
			return err
		}
	}
	return nil
}

func newKubeconfig(data, server, name string) (*clientcmdapi.Config, error) {
	pki := func(file string) string { return filepath.Join(data, "pki", file) }
	authority, err := os.ReadFile(pki("ca.crt"))
	if err != nil {
		return nil, err
	}
	certificate, err := os.ReadFile(pki(name + ".crt"))
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(pki(name + ".key"))
	if err != nil {
		return nil, err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["testcluster"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: authority}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
	config.Contexts["testcluster"] = &clientcmdapi.Context{Cluster: "testcluster", AuthInfo: name}
	config.CurrentContext = "testcluster"
	return config, nil
}

func kubeconfigPath(data, name string) string {
	return filepath.Join(data, name+".kubeconfig")
}
