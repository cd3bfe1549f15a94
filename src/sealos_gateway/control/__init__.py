"""The control plane's door for nodes: who may come in, its certificates, and the stream that each node follows.

Carries bytes, like `xds`. Knows nothing of objects, of Envoy's resources or of Kubernetes: what checks tokens and what
keeps the authority is handed in.
"""
