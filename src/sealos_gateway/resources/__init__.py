"""What the user said: Kubernetes objects as typed, frozen values, in the shape the API has.

Only the fields that are used are declared; everything else is skipped while decoding. Nothing here knows what
an object means (that is `translate`) or where it came from (that is `files` and `kube`). No I/O.
"""
