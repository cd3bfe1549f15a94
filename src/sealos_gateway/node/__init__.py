"""What runs beside each Envoy: the supervisor of its process.

Floor 4. Knows processes, ports and Envoy's admin socket; knows nothing of Kubernetes or of resources.
"""
