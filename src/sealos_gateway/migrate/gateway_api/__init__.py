"""Ingresses as objects of the Gateway API and of our own policy kinds: what `sgw migrate --to gateway-api` writes.

The source are not annotations but the rows that the pipeline made of them: hosts with their routes in order. So what
conflicts, canaries, patterns and snippets come to is decided already, and only once. `conversion` is the door; `check`
asks both forms the same requests.
"""
