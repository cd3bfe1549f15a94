"""How a request's host becomes a scope key: the candidates, proven and measured with the real Envoy.

`python -m bench.scope_filters` runs the cases and prints the table of docs/decisions/002-scope-filter.md. Everything
here is an experiment with its own small xDS server; nothing of the product may be imported, so that the figures stay
repeatable when the product changes.
"""
