"""What it means: the neutral model between Kubernetes and Envoy.

Frozen values that know neither where they came from (beyond an `Origin`) nor how Envoy words them. A row names
its parent; no parent holds its children. No I/O, no clock.
"""
