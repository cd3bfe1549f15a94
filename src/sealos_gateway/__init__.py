"""Sealos Gateway: Kubernetes objects in, Envoy configuration out. Each room's docstring states its law."""
