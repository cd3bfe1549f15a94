"""Our structs against the definitions of the Gateway API itself: every field is there, with the same default."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest

from conformance import modules
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind

OLDEST, NEWEST = modules.RELEASES[0], modules.RELEASES[-1]
pytestmark = pytest.mark.skipif(bool(modules.missing()), reason=f"no Gateway API: {modules.missing()}")

Schema = dict[str, Any]
#: Kinds whose status is not read.
WITHOUT_STATUS = (kinds.REFERENCE_GRANT,)
_OF_RULES = ("HTTPRoute.spec.rules", "GRPCRoute.spec.rules")
#: By release: fields that are only in the other one.
ELSEWHERE = {
    OLDEST: (
        "Gateway.spec.addresses.routability",
        "Gateway.spec.listeners.filters",
        "Gateway.status.addresses.routability",
        "ListenerSet.spec.listeners.filters",
        *(f"{rules}.sessionPersistence.{name}" for rules in _OF_RULES for name in ("cookie", "header")),
        *(f"{rules}.sessionPersistence.cookieConfig.{name}" for rules in _OF_RULES for name in ("name", "path")),
    ),
    NEWEST: tuple(
        f"{rules}.sessionPersistence.{name}" for rules in _OF_RULES for name in ("cookieConfig", "sessionName")
    ),
}


@pytest.fixture(params=modules.RELEASES, ids=lambda it: it.version)
def release(request: pytest.FixtureRequest) -> modules.Release:
    found: modules.Release = request.param
    if reason := modules.missing(found):
        pytest.skip(reason)
    return found


def schema_of(channel: str, kind: Kind, release: modules.Release) -> Schema:
    named = f"{kind.plural}.{kind.group}"
    found = next(it for it in modules.definitions(channel, release) if it["metadata"]["name"] == named)
    version = next(it for it in found["spec"]["versions"] if it["name"] == kind.version)
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def inner(hint: Any) -> Any:
    """The struct in `tuple[X, ...]` or `X | None`; what is none stays as it is."""
    if get_origin(hint) is tuple:
        return inner(get_args(hint)[0])
    if isinstance(hint, UnionType):
        return inner(next(it for it in get_args(hint) if it is not type(None)))
    return hint


def differences(place: str, schema: Schema, struct: type[msgspec.Struct]) -> Iterator[str]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    hints = get_type_hints(struct)
    for name, wanted in schema.get("properties", {}).items():
        where = f"{place}.{name}"
        if name not in fields:
            yield f"{where} is missing in {struct.__name__}"
            continue
        field = fields[name]
        if "default" in wanted:
            own = msgspec.to_builtins(field.default) if not field.required else "required"
            if field.default is msgspec.NODEFAULT or not covers(own, wanted["default"]):
                yield f"{where}: the default is {own!r} and not {wanted['default']!r}"
        if name in schema.get("required", ()) and wanted.get("type") == "string" and not field.required:
            yield f"{where} is required"
        items = wanted.get("items", wanted)
        target = inner(hints[field.name])
        if isinstance(target, type) and issubclass(target, msgspec.Struct):
            yield from differences(where, items, target)
    for name in fields.keys() - schema.get("properties", {}).keys():
        yield f"{place}.{name} is not in the definition"


def covers(own: Any, default: Any) -> bool:
    """Whether our default is the one of the API; encoded, ours leaves out what is a default further down."""
    if isinstance(default, dict):
        return isinstance(own, dict) and all(own.get(key, value) == value for key, value in default.items())
    if isinstance(default, list):
        return len(own) == len(default) and all(covers(*pair) for pair in zip(own, default, strict=True))
    return bool(own == default)


@pytest.mark.parametrize("kind", kinds.GATEWAY_API, ids=lambda it: it.name)
def test_every_field_of_the_definition_has_its_place(kind: Kind, release: modules.Release) -> None:
    schema = schema_of("experimental", kind, release)
    struct = get_type_hints(kind.struct)
    found = list(differences(f"{kind.name}.spec", schema["properties"]["spec"], inner(struct["spec"])))
    if kind not in WITHOUT_STATUS:
        status = {**schema["properties"]["status"]}
        found += differences(f"{kind.name}.status", status, inner(struct["status"]))
    assert [it for it in found if not known(it, release)] == []


def known(difference: str, release: modules.Release) -> bool:
    """A new object has the status "pending" on the server; one from a file has none, and both mean the same to us.

    Conditions are written with reason, message and time, and read without.
    """
    if difference in [f"{name} is not in the definition" for name in ELSEWHERE[release]]:
        return True
    optional = tuple(f"{name} is required" for name in ("reason", "message", "lastTransitionTime"))
    return ".status" in difference and ("'Pending'" in difference or difference.endswith(optional))


def test_the_standard_channel_has_the_same_kinds(release: modules.Release) -> None:
    for kind in kinds.GATEWAY_API:
        assert schema_of("standard", kind, release)
