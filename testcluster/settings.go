package main

import (
	"context"
	"flag"
	"io"
)

// settings are what the command line of the supervisor asks for.
type settings struct {
	data       string   // directory that is kept; empty: a temporary one, removed at the end
	kubeconfig string   // a second place for the administrator's kubeconfig
	port       int      // of the API server; 0: one the kernel chooses
	images     string   // table of images; empty: one in the data directory
	apiOnly    bool     // no controllers, no scheduler, no node
	noNode     bool     // controllers and scheduler, but nothing runs
	untilEOF   bool     // stop when standard input ends, so that a dead test leaves no cluster
	apiFlags   []string // more flags for kube-apiserver, given after "--"
}

func parseSettings(arguments []string) (settings, error) {
	var wish settings
	flags := flag.NewFlagSet("testcluster", flag.ContinueOnError)
	flags.StringVar(&wish.data, "data", "", "keep state in this directory (default: a temporary one, removed at the end)")
	flags.StringVar(&wish.kubeconfig, "kubeconfig", "", "write the kubeconfig here instead of into the data directory")
	flags.IntVar(&wish.port, "port", 0, "port of the API server on loopback (0: any free one)")
	flags.BoolVar(&wish.apiOnly, "api-only", false, "start etcd and the API server only")
	flags.BoolVar(&wish.noNode, "no-node", false, "start no node: pods stay pending")
	flags.StringVar(&wish.images, "images", "", "file with the table of images (default: images.json in the data directory)")
	flags.BoolVar(&wish.untilEOF, "until-eof", false, "stop when standard input is closed")
	err := flags.Parse(arguments)
	wish.apiFlags = flags.Args()
	return wish, err
}

// cancelledAtEOF gives a context that ends when the input does.
func cancelledAtEOF(parent context.Context, input io.Reader) context.Context {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, input)
	}()
	return ctx
}
