"""HTTP/1.1 for the few plain conversations that we have ourselves, on streams of asyncio; `h11` knows the protocol.

The status port, questions to Envoy's admin socket, and questions of Envoy about passwords: all of them on one machine,
small, and in every node. A framework for them would be a fifth of a node's memory (docs/decisions/043-small-node.md).
No TLS, no routing but by whole paths, and nothing of ours is known here.
"""
