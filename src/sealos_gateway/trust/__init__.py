"""Who is who between control plane and nodes: the small authority, its certificates, and how one is asked for.

Values in, values out: the time is an argument. No sockets, no files, no Kubernetes here.
"""
