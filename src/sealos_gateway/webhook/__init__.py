"""The mutating webhook that puts a node (Envoy and its relay) into pods that ask for one.

`injection` and `review` are pure: a pod and the sidecar in, a patch or a refusal in words out. `certificate` keeps what
the API server knows us by, `server` listens. What the sidecar looks like is the chart's business, not code.
"""
