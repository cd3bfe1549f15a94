"""Secrets and ConfigMaps that annotations name."""

from __future__ import annotations

import re

from sealos_gateway.resources.annotations.entry import Annotation
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)


def reference(entry: Annotation, values: Values, draft: Draft) -> Ref | None:
    """`name` or `namespace/name`; another namespace only where the setting allows it. None after telling why not."""
    text = values.text(entry)
    if text is None:
        return None
    own = draft.ingress.metadata.namespace
    namespace, slash, name = text.rpartition("/")
    namespace = namespace if slash else own
    if not _NAME.fullmatch(name) or not _NAME.fullmatch(namespace):
        values.complain(entry, f"{text[:60]!r} is not a name, or a namespace and a name as team/users")
        return None
    if namespace != own and not draft.world.rules.cross_namespace:
        message = f"{text} is of another namespace, which the setting ingress.cross_namespace does not allow"
        values.complain(entry, f"{message}; use one of namespace {own}", "CrossNamespace")
        return None
    return Ref(namespace, name)
