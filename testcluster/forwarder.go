package main

import (
	"io"
	"net"
	"sync"
)

// forwarder lets pods reach the API server, which listens on loopback only: it
// accepts connections on the machine's end of the node's cable.
type forwarder struct {
	listener net.Listener
	target   string
}

func startForwarder(address, target string) (*forwarder, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	f := &forwarder{listener: listener, target: target}
	go f.accept()
	return f, nil
}

func (f *forwarder) stop() { _ = f.listener.Close() }

func (f *forwarder) accept() {
	for {
		connection, err := f.listener.Accept()
		if err != nil {
			return
		}
		go f.join(connection.(*net.TCPConn))
	}
}

// join copies both ways; the end of one direction is passed on, so that the
// other can still finish.
func (f *forwarder) join(client *net.TCPConn) {
	defer client.Close()
	server, err := net.Dial("tcp", f.target)
	if err != nil {
		_ = client.SetLinger(0) // a reset, as if nobody listened
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	both.Go(func() { pump(server.(*net.TCPConn), client) })
	both.Go(func() { pump(client, server.(*net.TCPConn)) })
	both.Wait()
}

func pump(to, from *net.TCPConn) {
	_, _ = io.Copy(to, from)
	_ = to.CloseWrite()
}
