"""Model to Envoy: one function per resource, each returning a protobuf message that lives for one call.

Floor 3. Imports `model`, never `resources`. Resource names are made in `names` and nowhere else; how a request finds
its host is known only to `routes` and `scope`. No I/O.
"""
