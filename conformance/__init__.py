"""The official conformance suite of the Gateway API, run against our control plane on a real cluster.

`suite` builds and runs the suite's own program (Go, `conformance_test.go`), `lab` is what it runs against: the test
cluster, the definitions of the API from the suite's own module, our control plane. `table` reads reports. Nothing that
belongs to the Gateway API is kept in this repository but the reports.
"""
