"""The constraints that Envoy's own API files put on their fields, checked here as Envoy checks them on arrival.

`xds-protos` carries them as options of the descriptors (protoc-gen-validate). Messages packed inside are checked too;
a packed message that xds-protos does not know (TypedStruct) is left to the tests that start a real Envoy. What Envoy
will not know one day (fields and values marked as deprecated, for which it logs a warning) breaks a rule, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from validate import validate_pb2  # type: ignore[import-untyped]

Message = Any


def broken(message: Message, where: str = "") -> list[str]:
    """Every constraint that the message violates, as `path: what`."""
    return list(_message(message, where or message.DESCRIPTOR.name))


def _message(message: Message, where: str) -> Iterator[str]:
    if isinstance(message, any_pb2.Any):
        yield from _packed(message, where)
        return
    for oneof in message.DESCRIPTOR.oneofs:
        if oneof.GetOptions().Extensions[validate_pb2.required] and not message.WhichOneof(oneof.name):
            yield f"{where}: none of {oneof.name} is set"
    for field in message.DESCRIPTOR.fields:
        yield from _field(message, field, f"{where}.{field.name}")


def _packed(message: Any, where: str) -> Iterator[str]:
    name = message.type_url.rpartition("/")[2]
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(name)
    except KeyError:
        yield f"{where}: {name} is not known"
        return
    inner = message_factory.GetMessageClass(descriptor)()
    inner.ParseFromString(message.value)
    yield from _message(inner, f"{where}[{descriptor.name}]")


def _field(message: Message, field: FieldDescriptor, where: str) -> Iterator[str]:
    rules = field.GetOptions().Extensions[validate_pb2.rules]
    repeated = field.is_repeated
    present = not repeated and (not field.has_presence or message.HasField(field.name))
    yield from _deprecated(message, field, where)
    if rules.message.required and field.containing_oneof is None and not message.HasField(field.name):
        yield f"{where}: required"
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        values = getattr(message, field.name)
        for key in values:
            if field.message_type.fields_by_name["value"].message_type:
                yield from _message(values[key], f"{where}[{key}]")
        return
    if repeated:
        yield from _repeated(getattr(message, field.name), rules, field, where)
    elif present and (field.has_presence or not _is_optional_rule(rules)):
        yield from _value(getattr(message, field.name), rules, field, where)


def _deprecated(message: Message, field: FieldDescriptor, where: str) -> Iterator[str]:
    value = getattr(message, field.name)
    is_set = message.HasField(field.name) if field.has_presence else value not in (field.default_value, [])
    if is_set and field.GetOptions().deprecated:
        yield f"{where}: deprecated"
    if is_set and field.enum_type is not None:
        for number in value if field.is_repeated else (value,):
            found = field.enum_type.values_by_number.get(number)
            if found is not None and found.GetOptions().deprecated:
                yield f"{where}: {found.name} is deprecated"


def _is_optional_rule(rules: Any) -> bool:
    kind = rules.WhichOneof("type")
    return bool(kind) and getattr(getattr(rules, kind), "ignore_empty", False)


def _repeated(values: Any, rules: Any, field: FieldDescriptor, where: str) -> Iterator[str]:
    if len(values) < rules.repeated.min_items:
        yield f"{where}: fewer than {rules.repeated.min_items}"
    for number, value in enumerate(values):
        yield from _value(value, rules.repeated.items, field, f"{where}[{number}]")


def _value(value: Any, rules: Any, field: FieldDescriptor, where: str) -> Iterator[str]:
    kind = rules.WhichOneof("type")
    if field.message_type is not None:
        number = getattr(value, "value", None)
        if kind in _NUMBERS and field.message_type.full_name.startswith("google.protobuf."):
            yield from _number(number, getattr(rules, kind), where)
        elif kind == "duration":
            yield from _duration(value, rules.duration, where)
        else:
            yield from _message(value, where)
    elif kind == "string":
        yield from _string(value, rules.string, where)
    elif kind in _NUMBERS:
        yield from _number(value, getattr(rules, kind), where)
    elif field.enum_type is not None and rules.enum.defined_only and value not in field.enum_type.values_by_number:
        yield f"{where}: {value} is no value of {field.enum_type.name}"


_NUMBERS = ("uint32", "uint64", "int32", "int64", "double", "float")


def _number(value: Any, rules: Any, where: str) -> Iterator[str]:
    tests = (("gt", value.__gt__), ("gte", value.__ge__), ("lt", value.__lt__), ("lte", value.__le__))
    for name, holds in tests:
        if rules.HasField(name) and not holds(getattr(rules, name)):
            yield f"{where}: {value} is not {name} {getattr(rules, name)}"


def _duration(value: Any, rules: Any, where: str) -> Iterator[str]:
    seconds = value.seconds + value.nanos / 1e9
    if rules.HasField("gt") and not seconds > rules.gt.seconds + rules.gt.nanos / 1e9:
        yield f"{where}: {seconds} s is too short"
    if rules.HasField("gte") and not seconds >= rules.gte.seconds + rules.gte.nanos / 1e9:
        yield f"{where}: {seconds} s is too short"


def _string(value: str, rules: Any, where: str) -> Iterator[str]:
    length = len(value)
    if length < rules.min_len or (rules.HasField("max_len") and length > rules.max_len):
        yield f"{where}: {length} characters"
    if rules.HasField("max_bytes") and len(value.encode()) > rules.max_bytes:
        yield f"{where}: {len(value.encode())} bytes"
    if rules.pattern and not re.search(rules.pattern, value):
        yield f"{where}: {value!r} does not match {rules.pattern}"
    if rules.well_known_regex and re.search("[\0\r\n]", value):
        yield f"{where}: {value!r} is no header text"
