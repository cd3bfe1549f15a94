"""Whether a name is one that the Kubernetes API would have accepted, so that nothing odd travels on. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref

_LABEL_LIMIT: Final = 63
_SUBDOMAIN_LIMIT: Final = 253
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
#: A bundle of a signer is named after it: `example.com/foo` gives `example.com:foo:name`.
_SIGNED: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[a-z0-9]([-a-z0-9.]*[a-z0-9])?)*\Z")
_SIGNED_ADVICE: Final = (
    f"it is not the name of a ClusterTrustBundle; use at most {_SUBDOMAIN_LIMIT} characters: lower-case letters and "
    "digits, and '-', '.' and ':' between them"
)
_SHOWN: Final = 80
_LABEL_KINDS: Final = (kinds.SERVICE, kinds.NAMESPACE)


def fault(kind: Kind, ref: Ref) -> tuple[str, str] | None:
    """The field that is wrong and what to do about it."""
    namespace, name = ref
    if namespace and not _is_namespace(namespace):
        return "metadata.namespace", _advice(namespace, _LABEL_LIMIT, "'-'")
    if _is_label(name):
        return None
    if kind == kinds.CLUSTER_TRUST_BUNDLE:
        return None if len(name) <= _SUBDOMAIN_LIMIT and _SIGNED.match(name) else ("metadata.name", _SIGNED_ADVICE)
    if kind in _LABEL_KINDS:
        return "metadata.name", _advice(name, _LABEL_LIMIT, "'-'")
    if len(name) <= _SUBDOMAIN_LIMIT and _SUBDOMAIN.match(name):
        return None
    return "metadata.name", _advice(name, _SUBDOMAIN_LIMIT, "'-' and '.'")


def _is_label(name: str) -> bool:
    return len(name) <= _LABEL_LIMIT and _LABEL.match(name) is not None


_is_namespace = lru_cache(maxsize=1024)(_is_label)  # few of them, and each is asked for again and again


def _advice(name: str, limit: int, between: str) -> str:
    return (
        f"{name[:_SHOWN]!a} is not a Kubernetes name; use at most {limit} characters: lower-case letters and "
        f"digits, and {between} between them"
    )
