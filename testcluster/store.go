package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/apiserver/pkg/server"
)

// storeSocket is where the API server finds the store: a Unix socket needs no
// port, no certificate, and cannot be reached from another machine.
func storeSocket(data string) string {
	return "unix://" + filepath.Join(data, "etcd.sock")
}

// newStoreCommand is the role etcd: one member, in the given data directory.
func newStoreCommand() *cobra.Command {
	var data string
	command := &cobra.Command{
		Use:          "etcd",
		SilenceUsage: true,
		RunE:         func(*cobra.Command, []string) error { return runStore(data) },
	}
	command.Flags().StringVar(&data, "data", "", "data directory")
	return command
}

func runStore(data string) error {
	clients, err := url.Parse(storeSocket(data))
	if err != nil {
		return err
	}
	peers, err := url.Parse("unix://" + filepath.Join(data, "etcd-peers.sock"))
	if err != nil {
		return err
	}
	config := embed.NewConfig()
	config.Dir = filepath.Join(data, "etcd")
	// What it advertises stays the default: a member without peers is not called.
	config.ListenClientUrls = []url.URL{*clients}
	config.ListenPeerUrls = []url.URL{*peers}
	config.LogLevel = "warn"
	config.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration
	config.WatchProgressNotifyInterval = 5 * time.Second // as Kubernetes installers set it; bookmarks follow it
	config.UnsafeNoFsync = true                          // a killed process loses nothing; only a power cut would
	stopped := server.SetupSignalHandler()
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	defer etcd.Close()
	select {
	case <-stopped:
		return nil
	case err := <-etcd.Err():
		return fmt.Errorf("etcd: %w", err)
	}
}
