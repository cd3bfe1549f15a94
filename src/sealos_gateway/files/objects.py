"""The objects of one file, gathered while its documents pass: lists opened, kinds told apart, each object judged alone.

The same steps serve JSON (raw bytes, decoded straight into structs) and YAML (dicts and lists); a `Form` differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import msgspec

from sealos_gateway.files import names
from sealos_gateway.files.mistakes import Mistake
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import DecodeError, Kind
from sealos_gateway.resources.meta import Ref, Resource

Piece = TypeVar("Piece")  # what one object is before it is decoded
Key = tuple[Kind, Ref]
Place = tuple[int, ...]  # where in a file an object stands: the document, then the positions in lists, all from 1

DEFAULT_NAMESPACE: Final = "default"
_OUR_GROUP: Final = "sealos.io"
_KINDS_BY_WORD: Final = {kind.name: kind for kind in kinds.ALL}
_LIST_DEPTH_LIMIT: Final = 8


class Head(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What must be known of an object before it is known what it is."""

    api_version: str | None = None
    kind: str | None = None
    items: Any = None


class Named(msgspec.Struct, frozen=True, gc=False):
    """Enough of a broken object to find its last good version."""

    class Metadata(msgspec.Struct, frozen=True, gc=False):
        name: str
        namespace: str | None = None

    metadata: Metadata


class Form(Protocol[Piece]):
    def head(self, piece: Piece) -> Head: ...
    def items(self, head: Head) -> list[Piece] | None: ...
    def resource(self, kind: Kind, piece: Piece) -> Resource: ...
    def plain(self, piece: Piece) -> Any: ...
    def identity(self, piece: Piece) -> Named: ...
    def line(self, piece: Piece) -> int: ...

    def flaw(self, piece: Piece) -> Mistake | None:
        """A mistake inside the object that decoding does not notice; it is told once only."""


@dataclass(slots=True)
class Contents:
    """`broken` objects keep their last good version. `holds`: one cannot be told by name, so nothing may be dropped."""

    objects: dict[Key, Resource] = field(default_factory=dict)
    broken: set[Key] = field(default_factory=set)
    holds: bool = False
    mistakes: list[Mistake] = field(default_factory=list)


def position(place: Place) -> str:
    return ", ".join((f"document {place[0]}", *(f"item {number}" for number in place[1:])))


def gather(contents: Contents, form: Form[Piece], piece: Piece, place: Place, of: tuple[str, str] = ("", "")) -> None:
    """Put one object, or all of a list, into the contents. `of` is what the items of a typed list may leave out."""
    try:
        head = form.head(piece)
    except msgspec.ValidationError as error:
        _unnamed(
            contents, form, piece, place, "InvalidObject", f"{error}; every document must be one Kubernetes object"
        )
        return
    version, word = head.api_version or of[0], head.kind or of[1]
    kind = kinds.BY_NAME.get((version, word))
    if kind is not None:
        _gather_one(contents, form, piece, place, kind)
    elif word.endswith("List") and (items := _items(contents, form, piece, place, head)) is not None:
        _gather_list(contents, form, items, place, head)
    elif not word or not version:
        missing = "kind" if not word else "apiVersion"
        _unnamed(contents, form, piece, place, "MissingField", f"{missing} is missing; add it, or remove the document")
    else:
        _gather_unknown(contents, form, piece, place, version, word)


def _items(contents: Contents, form: Form[Piece], piece: Piece, place: Place, head: Head) -> list[Piece] | None:
    """The items of a list, or None when it has no such field: then it only has a name as if it were one."""
    if len(place) > _LIST_DEPTH_LIMIT:
        message = f"lists are nested deeper than {_LIST_DEPTH_LIMIT} levels; write the objects out"
        _unnamed(contents, form, piece, place, "InvalidObject", message)
        return []
    try:
        return form.items(head)
    except msgspec.ValidationError:
        _unnamed(contents, form, piece, place, "InvalidObject", "items is not a list; write it as a list of objects")
        return []


def _gather_list(contents: Contents, form: Form[Piece], items: list[Piece], place: Place, head: Head) -> None:
    word = (head.kind or "").removesuffix("List")
    of = (head.api_version or "", word) if word else ("", "")
    for number, item in enumerate(items, 1):
        gather(contents, form, item, (*place, number), of)


def _gather_one(contents: Contents, form: Form[Piece], piece: Piece, place: Place, kind: Kind) -> None:
    try:
        resource = _placed(kind, _resource(form, kind, piece))
    except DecodeError as error:
        _broken(contents, form, piece, place, kind, error)
        return
    metadata = resource.metadata
    ref = Ref(metadata.namespace, metadata.name)
    key = (kind, ref)
    if fault := names.fault(kind, ref):
        contents.holds = True
        _report(contents, form.line(piece), f"{position(place)}, {kind.name}, {fault[0]}", "InvalidName", fault[1])
    elif flaw := form.flaw(piece):
        contents.broken.add(key)
        contents.mistakes.append(flaw._replace(field=f"{flaw.field}, {position(place)}, {kind.name} {ref}"))
    elif key in contents.objects:
        message = "this file names the object twice and the first one is used; remove one of them"
        _report(contents, form.line(piece), f"{position(place)}, {kind.name} {ref}", "DuplicateObject", message)
    else:
        contents.objects[key] = resource


def _resource(form: Form[Piece], kind: Kind, piece: Piece) -> Resource:
    """Decode strictly, which is fast, and then once more as leniently as the API server reads."""
    try:
        return form.resource(kind, piece)
    except DecodeError:
        return kinds.from_builtins(kind, _lenient(kind, form.plain(piece)))


def _lenient(kind: Kind, plain: dict[str, Any]) -> Any:
    """To Kubernetes null is the same as absent, and base64 may be broken into lines."""
    plain = _without_nulls(plain)
    data = plain.get("data")
    if kind is kinds.SECRET and isinstance(data, dict):
        plain["data"] = {key: "".join(text.split()) if isinstance(text, str) else text for key, text in data.items()}
    return plain


def _without_nulls(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _without_nulls(value) for key, value in plain.items() if value is not None}
    if isinstance(plain, list):
        return [_without_nulls(value) for value in plain]
    return plain


def _placed(kind: Kind, resource: Resource) -> Resource:
    namespace = (resource.metadata.namespace or DEFAULT_NAMESPACE) if kind.namespaced else ""
    if resource.metadata.namespace == namespace:
        return resource
    metadata = msgspec.structs.replace(resource.metadata, namespace=namespace)
    return msgspec.structs.replace(resource, metadata=metadata)


def _gather_unknown(contents: Contents, form: Form[Piece], piece: Piece, place: Place, version: str, word: str) -> None:
    """Other people's kinds share the folder and the words (a Knative Service): only what was meant for us is told."""
    group = version.rpartition("/")[0]
    known = _KINDS_BY_WORD.get(word)
    if known and (group.endswith("k8s.io") or "." not in group):
        reason = f"apiVersion {version[:80]!a} of {word} is not read; write apiVersion: {known.api_version}"
        _broken(contents, form, piece, place, known, DecodeError("apiVersion", reason), "UnknownVersion")
    elif group == _OUR_GROUP or group.endswith("." + _OUR_GROUP):
        message = f"{_OUR_GROUP} has no {word[:80]!a} in {version[:80]!a}; correct kind and apiVersion"
        _report(contents, form.line(piece), position(place), "UnknownKind", message)
    else:
        form.flaw(piece)  # not ours to judge, but it is dealt with


def _broken(
    contents: Contents,
    form: Form[Piece],
    piece: Piece,
    place: Place,
    kind: Kind,
    error: DecodeError,
    reason: str = "InvalidObject",
) -> None:
    """An object of a known kind that cannot be used."""
    ref = _ref(form, piece, kind)
    if ref is None:
        message = f"{error}; without a name nothing else of this file is dropped until it is repaired"
        _unnamed(contents, form, piece, place, "MissingField" if "missing" in error.reason else reason, message)
        return
    contents.broken.add((kind, ref))
    where = f"{position(place)}, {kind.name} {ref}" + (f", {error.field}" if error.field else "")
    _report(contents, form.line(piece), where, reason, f"{error.reason}{_remedy(error)}; its last good version stays")


def _remedy(error: DecodeError) -> str:
    if error.reason.startswith("Expected `str`"):
        return ", put it in quotes if it is meant as text"
    return ""


def _ref(form: Form[Piece], piece: Piece, kind: Kind) -> Ref | None:
    try:
        metadata = form.identity(piece).metadata
    except msgspec.ValidationError:
        return None
    ref = Ref((metadata.namespace or DEFAULT_NAMESPACE) if kind.namespaced else "", metadata.name)
    return None if names.fault(kind, ref) else ref


def _unnamed(contents: Contents, form: Form[Piece], piece: Piece, place: Place, reason: str, message: str) -> None:
    contents.holds = True
    _report(contents, form.line(piece), position(place), reason, message)


def _report(contents: Contents, line: int, where: str, reason: str, message: str) -> None:
    contents.mistakes.append(Mistake(f"line {line}, {where}", reason, message))
