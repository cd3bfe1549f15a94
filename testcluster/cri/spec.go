package cri

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	api "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// spec is everything a container's process needs to know to become it.
type spec struct {
	Directory    string   // of the container, outside
	Hostname     string   // empty: the node's
	Resolver     string   // content of /etc/resolv.conf
	Mounts       []mount  // in the order they are made
	ReadOnlyRoot bool     //
	Command      []string // with its arguments
	Env          []string
	WorkingDir   string
	User, Group  int64
	Groups       []int64
	Capabilities []string // NET_ADMIN, ...; more than these are taken away
	Privileged   bool     // keeps all
	NoNewPrivs   bool
}

// mount makes a file or directory of the machine visible in the container.
type mount struct {
	Source, Target string
	ReadOnly       bool
}

// usualCapabilities are those a container has unless it says otherwise.
var usualCapabilities = []string{
	"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
	"NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
}

// specOf combines what the pod asks for with what the image has.
func specOf(c *container, nodeName string) *spec {
	security := c.config.GetLinux().GetSecurityContext()
	made := &spec{
		Directory:    c.directory,
		Hostname:     c.sandbox.config.GetHostname(),
		Resolver:     resolver(c.sandbox.config.GetDnsConfig()),
		ReadOnlyRoot: security.GetReadonlyRootfs(),
		Command:      commandOf(c.config, c.image),
		Env:          envOf(c, nodeName),
		WorkingDir:   firstOf(c.config.GetWorkingDir(), c.image.Directory, "/"),
		User:         c.image.User,
		Group:        security.GetRunAsGroup().GetValue(),
		Groups:       security.GetSupplementalGroups(),
		Capabilities: capabilitiesOf(security.GetCapabilities()),
		Privileged:   security.GetPrivileged(),
		NoNewPrivs:   security.GetNoNewPrivs(),
	}
	if user := security.GetRunAsUser(); user != nil {
		made.User = user.GetValue()
	}
	for _, path := range c.image.Binds {
		made.Mounts = append(made.Mounts, mount{Source: path, Target: path})
	}
	for _, one := range c.config.GetMounts() {
		made.Mounts = append(made.Mounts,
			mount{Source: one.GetHostPath(), Target: one.GetContainerPath(), ReadOnly: one.GetReadonly()})
	}
	return made
}

// commandOf follows the rules of images: a command replaces entrypoint and
// arguments, arguments alone replace the image's.
func commandOf(config *api.ContainerConfig, image *Image) []string {
	if len(config.GetCommand()) > 0 {
		return slices.Concat(config.GetCommand(), config.GetArgs())
	}
	if len(config.GetArgs()) > 0 {
		return slices.Concat(image.Entrypoint, config.GetArgs())
	}
	return slices.Concat(image.Entrypoint, image.Arguments)
}

func envOf(c *container, nodeName string) []string {
	all := map[string]string{
		"PATH":     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOSTNAME": firstOf(c.sandbox.config.GetHostname(), nodeName),
		"HOME":     "/",
	}
	maps.Copy(all, c.image.Env)
	for _, one := range c.config.GetEnvs() {
		all[one.GetKey()] = string(one.GetValue())
	}
	var lines []string
	for name, value := range all {
		lines = append(lines, name+"="+value)
	}
	slices.Sort(lines)
	return lines
}

func capabilitiesOf(change *api.Capability) []string {
	all := slices.Concat(usualCapabilities, change.GetAddCapabilities())
	return slices.DeleteFunc(all, func(name string) bool {
		added := slices.Contains(change.GetAddCapabilities(), name)
		dropped := slices.Contains(change.GetDropCapabilities(), name) ||
			slices.Contains(change.GetDropCapabilities(), "ALL") && !added
		return dropped
	})
}

func resolver(config *api.DNSConfig) string {
	var text strings.Builder
	for _, server := range config.GetServers() {
		fmt.Fprintf(&text, "nameserver %s\n", server)
	}
	if len(config.GetSearches()) > 0 {
		fmt.Fprintf(&text, "search %s\n", strings.Join(config.GetSearches(), " "))
	}
	if len(config.GetOptions()) > 0 {
		fmt.Fprintf(&text, "options %s\n", strings.Join(config.GetOptions(), " "))
	}
	return text.String()
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
