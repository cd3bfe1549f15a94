"""Model to Envoy: one function per resource, each returning a protobuf message that lives for one call.

Imports `model`, and of `resources` only the names in `resources.meta`. Resource names are made in `names` and nowhere
else; how a request finds its host is known to `routes`, `scope` and its Lua files. No I/O.
"""
