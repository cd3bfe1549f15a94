"""AdmissionReview (admission.k8s.io/v1) in, AdmissionReview out. Pure."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final, NamedTuple

import msgspec

from sealos_gateway.webhook import injection
from sealos_gateway.webhook.injection import Object, RefusedError, Sidecar

API: Final = "admission.k8s.io/v1"


class _Kind(msgspec.Struct, frozen=True):
    kind: str = ""


class _Request(msgspec.Struct):
    uid: str
    kind: _Kind = _Kind()
    namespace: str = ""
    operation: str = ""
    object: Object | None = None


class _Review(msgspec.Struct, rename="camel"):
    api_version: str
    request: _Request


class ReviewError(ValueError):
    """The body is no AdmissionReview that we understand."""


class Answer(NamedTuple):
    """The body of the answer, and its outcome in one word for metrics: injected, unchanged or refused."""

    body: bytes
    outcome: str


_REVIEWS = msgspec.json.Decoder(_Review)


def answer(body: bytes, sidecar: Sidecar) -> Answer:
    """What the API server is to do with the pod. Raises ReviewError."""
    try:
        review = _REVIEWS.decode(body)
    except msgspec.MsgspecError as error:
        raise ReviewError(f"no AdmissionReview: {error}") from error
    if review.api_version != API:
        raise ReviewError(f"apiVersion {review.api_version}: only {API} is understood")
    request = review.request
    if request.kind.kind != "Pod" or request.operation != "CREATE" or request.object is None:
        return _answer(request.uid, "unchanged")
    try:
        operations = injection.patch(request.object, request.namespace, sidecar)
    except RefusedError as refusal:
        # 400, as for any object with a mistake in it: whoever made the pod is told.
        status = {"code": 400, "reason": "BadRequest", "message": f"sealos-gateway sidecar: {refusal}"}
        return _answer(request.uid, "refused", allowed=False, status=status)
    if not operations:
        return _answer(request.uid, "unchanged")
    encoded = b64encode(msgspec.json.encode(operations)).decode()
    return _answer(request.uid, "injected", patch=encoded, patchType="JSONPatch")


def _answer(uid: str, outcome: str, allowed: bool = True, **more: Any) -> Answer:
    response = {"uid": uid, "allowed": allowed, **more}
    return Answer(msgspec.json.encode({"apiVersion": API, "kind": "AdmissionReview", "response": response}), outcome)
