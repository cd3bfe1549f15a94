"""Our own policy kinds, group `sealos.io`: TrafficPolicy, BackendPolicy, SecurityPolicy, attached by `targetRefs`.

Only what is written: structs, with the words that `kubectl explain` shows. The definitions in `deploy/crds` and the
reference `docs/policies.md` are generated from them. What they mean is said in `translate/policies`.
"""
