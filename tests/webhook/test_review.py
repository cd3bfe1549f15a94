"""AdmissionReview in and out."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest

from sealos_gateway.webhook import review
from sealos_gateway.webhook.injection import Object
from tests.webhook.test_injection import ASKED, SIDECAR, asking, pod


def asked(found: Object, kind: str = "Pod", operation: str = "CREATE") -> bytes:
    request = {"uid": "u-1", "kind": {"group": "", "version": "v1", "kind": kind}, "namespace": "shop"}
    whole = {"apiVersion": review.API, "kind": "AdmissionReview", "request": {**request, "operation": operation}}
    whole["request"]["object"] = found  # type: ignore[index]
    return json.dumps(whole).encode()


def response(found: Object, **more: str) -> tuple[Any, str]:
    answer = review.answer(asked(found, **more), SIDECAR)
    whole = json.loads(answer.body)
    assert (whole["apiVersion"], whole["kind"], whole["response"]["uid"]) == (review.API, "AdmissionReview", "u-1")
    return whole["response"], answer.outcome


def test_an_injection_is_a_json_patch() -> None:
    told, outcome = response(asking())
    assert (told["allowed"], told["patchType"], outcome) == (True, "JSONPatch", "injected")
    patch = json.loads(b64decode(told["patch"]))
    assert {operation["op"] for operation in patch} == {"add"}


def test_who_does_not_ask_is_allowed_without_a_patch() -> None:
    told, outcome = response(pod())
    assert (told["allowed"], "patch" in told, outcome) == (True, False, "unchanged")


def test_a_refusal_says_who_refuses_and_why() -> None:
    told, outcome = response(pod({ASKED: "maybe"}))
    assert (told["allowed"], outcome) == (False, "refused")
    assert told["status"]["code"] == 400
    assert told["status"]["message"].startswith("sealos-gateway sidecar: metadata.annotations[sealos.io/sidecar]")


@pytest.mark.parametrize("more", [{"kind": "Service"}, {"operation": "UPDATE"}])
def test_other_objects_and_operations_pass(more: dict[str, str]) -> None:
    assert response(asking(), **more)[1] == "unchanged"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'{"apiVersion": "admission.k8s.io/v1beta1", "request": {"uid": "1"}}']
)
def test_what_is_no_review_of_this_version_is_refused(body: bytes) -> None:
    with pytest.raises(review.ReviewError):
        review.answer(body, SIDECAR)
