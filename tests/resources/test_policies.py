"""Our policy kinds as they arrive: a sample has every field, and what does not fit is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import DecodeError, Kind
from sealos_gateway.resources.policies.common import GROUP

SAMPLE = list(yaml.safe_load_all((Path(__file__).with_name("policies.yaml")).read_text()))
BY_NAME = {kind.name: kind for kind in kinds.POLICIES}


def sample(kind: Kind) -> dict[str, Any]:
    return next(one for one in SAMPLE if one["kind"] == kind.name)


@pytest.mark.parametrize("kind", kinds.POLICIES, ids=str)
def test_every_field_of_the_sample_is_read(kind: Kind) -> None:
    assert sample(kind)["apiVersion"] == f"{GROUP}/v1" == kind.api_version
    found = kinds.from_builtins(kind, sample(kind))
    said = {**msgspec.to_builtins(found)["spec"]}
    _assert_within(said, sample(kind)["spec"], "spec")


def _assert_within(read: Any, said: Any, place: str) -> None:
    """What was read is what was said, but for values that are said though they are the defaults."""
    if isinstance(read, dict):
        for name, value in read.items():
            _assert_within(value, said[name], f"{place}.{name}")
    elif isinstance(read, list | tuple) and read and isinstance(read[0], dict):
        for number, (one, other) in enumerate(zip(read, said, strict=True)):
            _assert_within(one, other, f"{place}[{number}]")
    else:
        assert (list(read) if isinstance(read, tuple) else read) == said, place


@pytest.mark.parametrize("kind", kinds.POLICIES, ids=str)
def test_the_sample_has_every_field(kind: Kind) -> None:
    (spec,) = (field.type for field in msgspec.structs.fields(kind.struct) if field.name == "spec")
    _, parts = msgspec.json.schema_components([spec], ref_template="{name}")
    missing = [
        f"{name}.{field}"
        for name, part in parts.items()
        for field in part.get("properties", ())
        if not any(field in one for one in _objects(sample(kind)["spec"]))
    ]
    assert missing == []


def _objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(one for part in value.values() for one in _objects(part))]
    return [one for part in value for one in _objects(part)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("TrafficPolicy", {"timeouts": {"request": "ten"}}, "spec.timeouts.request"),
        ("TrafficPolicy", {"timeouts": {"requests": "10s"}}, "spec.timeouts"),
        ("TrafficPolicy", {"retry": {"attempts": 11}}, "spec.retry.attempts"),
        ("TrafficPolicy", {"retry": {"triggers": ["always"]}}, "spec.retry.triggers[0]"),
        ("TrafficPolicy", {"maxRequestBodySize": "8MB"}, "spec.maxRequestBodySize"),
        ("TrafficPolicy", {"requestHeaders": {"set": [{"name": "a b"}]}}, "spec.requestHeaders.set[0].name"),
        ("TrafficPolicy", {"targetRefs": []}, "spec.targetRefs"),
        ("BackendPolicy", {"targetRefs": [{"group": "", "kind": "Gateway", "name": "a"}]}, "spec.targetRefs[0].kind"),
        ("BackendPolicy", {"circuitBreaker": {"maxConnections": 0}}, "spec.circuitBreaker.maxConnections"),
    ],
)
def test_what_does_not_fit_is_named(kind: str, change: dict[str, Any], field: str) -> None:
    one = sample(BY_NAME[kind])
    with pytest.raises(DecodeError) as told:
        kinds.from_builtins(BY_NAME[kind], {**one, "spec": {**one["spec"], **change}})
    assert told.value.field == field
