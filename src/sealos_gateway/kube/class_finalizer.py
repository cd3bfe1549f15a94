"""The finalizer of a GatewayClass that Gateways use, so that it is not deleted below them. Leader only.

Source: Gateway API, `GatewayClass`, which recommends it by this name (kubectl shows it as any finalizer). It
is ours alone to set and to take back; what others put beside it stays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from sealos_gateway.kube import client
from sealos_gateway.kube.errors import ApiError, ConflictError, NotFoundError
from sealos_gateway.kube.writes import Write, Writer
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.gateways import GatewayClass
from sealos_gateway.resources.meta import Origin, Ref

NAME: Final = "gateway-exists-finalizer.gateway.networking.k8s.io"


class ClassFinalizer:
    """`changed` is cheap: call it whenever a class is different, or somebody begins or ends to use it."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._in_use: Callable[[Ref], bool | None] = lambda _: None
        self._find: Callable[[Ref], GatewayClass | None] = lambda _: None
        self._refused: dict[Ref, Problem] = {}

    @property
    def problems(self) -> list[Problem]:
        return list(self._refused.values())

    def bind(self, in_use: Callable[[Ref], bool | None], find: Callable[[Ref], GatewayClass | None]) -> None:
        """Whether Gateways use a class of ours (None: it is not ours), and the class as it is known now."""
        self._in_use, self._find = in_use, find

    def changed(self, ref: Ref) -> None:
        """Compare what is wanted with what is there, and write the difference."""
        row, wanted = self._find(ref), self._in_use(ref)
        if row is None or wanted is None or wanted == (NAME in row.metadata.finalizers):
            self._writer.cancel(_key(ref))
            self._refused.pop(ref, None)
        elif wanted and row.metadata.deletion_timestamp:
            self._writer.cancel(_key(ref))  # the server takes no new finalizer for what is being deleted
        else:
            path = client.path(kinds.GATEWAY_CLASS.api_version, kinds.GATEWAY_CLASS.plural, "", ref.name)
            self._writer.want(_key(ref), Write(path, _body(ref, wanted), True, partial(self._done, ref)))

    def _done(self, ref: Ref, error: ApiError | None) -> None:
        if error is None or isinstance(error, ConflictError | NotFoundError):
            self._refused.pop(ref, None)
        else:
            text = f"it cannot be written: {error}"
            self._refused[ref] = Problem(
                Origin(kinds.GATEWAY_CLASS.name, ref), "metadata.finalizers", error.reason, text
            )


def _key(ref: Ref) -> tuple[str, Ref]:
    return ("class finalizer", ref)


def _body(ref: Ref, wanted: bool) -> bytes:
    """Without finalizers nothing is applied, by which the one that was ours goes."""
    metadata = {"name": ref.name, **({"finalizers": [NAME]} if wanted else {})}
    kind = {"apiVersion": kinds.GATEWAY_CLASS.api_version, "kind": kinds.GATEWAY_CLASS.name}
    return msgspec.json.encode({**kind, "metadata": metadata})
