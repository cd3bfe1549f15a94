package main

// proxyFlags are what kube-proxy is started with: it makes Service addresses
// work in the node's network namespace, with nftables.
func proxyFlags(data string, addresses block) []string {
	return []string{
		"--kubeconfig=" + kubeconfigPath(data, "proxy"),
		"--hostname-override=" + nodeName,
		"--proxy-mode=nftables",
		"--cluster-cidr=" + addresses.network(pods).String(),
		"--bind-address=" + addresses.host(links, 2).String(),
		"--healthz-bind-address=" + addresses.host(links, 2).String() + ":10256",
		"--metrics-bind-address=" + addresses.host(links, 2).String() + ":10249",
		"--nodeport-addresses=" + addresses.network(links).String(),
		"--iptables-min-sync-period=100ms",
		// The limits of connection tracking are the machine's; a namespace may not change them.
		"--conntrack-max-per-core=0",
		"--conntrack-min=0",
		"--conntrack-tcp-timeout-established=0",
		"--conntrack-tcp-timeout-close-wait=0",
	}
}
