"""How things made for a Gateway are called and labelled (GEP-1762): `<gateway>-<class>`, in at most 63 characters."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from sealos_gateway.resources import owned
from sealos_gateway.resources.meta import Ref

_MOST: Final = 63
_HASH: Final = 8
#: Of Services: RFC 1035, which is stricter than what a Gateway may be called.
_LABEL: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")


def resource(gateway: str, class_name: str) -> str:
    """The name of every object that is made for a Gateway.

    A name that is too long, or has dots, or begins with a digit, gets a hash of itself instead of what does not fit,
    so that two Gateways never share one.
    """
    wanted = f"{gateway}-{class_name}"
    if len(wanted) <= _MOST and _LABEL.match(wanted):
        return wanted
    plain = wanted.replace(".", "-")
    if not plain[:1].isalpha():
        plain = f"gw-{plain}"
    return f"{plain[: _MOST - _HASH - 1].rstrip('-')}-{_hash(wanted)}"


def label(value: str) -> str:
    """A name as the value of a label, which may have 63 characters where a name may have 253."""
    return value if len(value) <= _MOST else f"{value[: _MOST - _HASH - 1].rstrip('-.')}-{_hash(value)}"


def labels(gateway: str, class_name: str) -> dict[str, str]:
    """The labels of every object."""
    return {
        "app.kubernetes.io/name": owned.OURS,
        "app.kubernetes.io/instance": resource(gateway, class_name),
        **selector(gateway),
        owned.CLASS_NAME: label(class_name),
    }


def selector(gateway: str) -> dict[str, str]:
    """The labels that choose the pods of a Gateway; they can never change."""
    return {owned.MANAGED_BY: owned.OURS, owned.GATEWAY_NAME: label(gateway)}


def plane(gateway: Ref) -> str:
    """The name of the data plane of a Gateway, as it stands in the certificates of its nodes: `<namespace>.<name>`."""
    return f"{gateway.namespace}.{gateway.name}"


def gateway(plane: str) -> Ref:
    """The inverse of `plane`: a namespace has no dots."""
    namespace, _, name = plane.partition(".")
    return Ref(namespace, name)


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=_HASH // 2).hexdigest()
