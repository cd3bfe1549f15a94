"""The delta xDS protocol: versioned bytes in, acknowledged bytes at every client.

Here live the snapshot (what is), the stream (what one client still needs), the gRPC server and the fleet (who has
what). What a resource means to Envoy may not be known here: a row is a type, a name and bytes. All is pure but
`server`, which knows asyncio and gRPC, and `fleet`.
"""
