"""The Kubernetes API as a source of objects and as the place where results are written.

The only room that talks to the API server. `sync.Source` is the door for reading; below it, in the order a change
travels: `config` and `proxy` (how to reach the server and as whom), `client` with `errors` (requests), `watch` with
`wire` (one list and watch that never ends), `inbox` and `selection` (what has not been taken yet, in which
namespaces), `secrets` (only those that are referenced). For writing: `leader` (who may), `writes` (coalesced and rate
limited) with `status`, `gateway_status`, `events` and `infrastructure` (data planes of Gateways). Time, chance and
sleep come from `clock`. Nothing here knows what an object means.
"""
