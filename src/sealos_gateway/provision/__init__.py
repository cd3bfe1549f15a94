"""What has to run in the cluster for each Gateway: from a Gateway and its profile to Kubernetes objects. Pure.

`names` (GEP-1762), `plan` (everything that a data plane is made from, as one value), `objects` (a plan as Kubernetes
objects), `parameters` (which profile counts), `deployed` (what the cluster made of it), `tables` (all of it as live
tables). Knows nothing of routes and nothing of Envoy. Applying and reading is the business of `kube`.
"""
