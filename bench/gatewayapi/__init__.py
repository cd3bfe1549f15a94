"""The scenarios of gateway-api-bench (github.com/howardjohn/gateway-api-bench) on the test cluster, one file each.

`python -m bench gatewayapi [SCENARIO…] [--size N]`. Each has a cluster, a control plane and a Gateway of its own.
The definitions, and what other gateways were measured at, are those of that project, on a far larger machine.
"""
