"""Annotations for backends that speak FastCGI, which Envoy does not."""

from __future__ import annotations

from sealos_gateway.resources.annotations.entry import Annotation, Verdict, shared

_NOTE = "Envoy speaks no FastCGI; put a web server beside the program and route to that."


def _refused(short: str, values: str, default: str, meaning: str) -> Annotation:
    test = "tests/golden/annotations/fastcgi.yaml"
    return shared(short, values, default, meaning, verdict=Verdict.REFUSED, note=_NOTE, test=test)


INDEX = _refused("fastcgi-index", "a file name", "none", "What a path that ends in `/` stands for.")
PARAMS = _refused("fastcgi-params-configmap", "a ConfigMap", "none", "Parameters of FastCGI.")

ALL = (INDEX, PARAMS)
