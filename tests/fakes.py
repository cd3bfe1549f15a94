"""Stand-ins for the outside world: an API server that behaves as the real one does.

`FakeKube` speaks HTTP over loopback. What it claims to do like the real one is in `kube/contract.py`, whose cases run
against both. Everything else here are faults that a real one shows only on bad days.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web

from sealos_gateway.resources import kinds

Object = dict[str, Any]


class Request(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    peer: object = None

    @property
    def is_watch(self) -> bool:
        return "watch" in self.query


class Place(NamedTuple):
    """A path taken apart."""

    api_version: str
    plural: str
    namespace: str
    name: str
    subresource: str


def place_of(path: str) -> Place:
    parts = path.strip("/").split("/")
    api_version = parts[1] if parts[0] == "api" else f"{parts[1]}/{parts[2]}"
    rest = (parts[2:] if parts[0] == "api" else parts[3:]) or [""]  # nothing: discovery of that version
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    return Place(api_version, rest[0], namespace, *[*rest[1:], "", ""][:2])


class Selector:
    """Field and label selectors as far as they are used, and the namespace."""

    def __init__(self, place: Place, query: dict[str, str]) -> None:
        self._namespace = place.namespace
        self._fields = _pairs(query.get("fieldSelector", ""))
        self._labels = _pairs(query.get("labelSelector", ""))

    def __call__(self, item: Object | None) -> bool:
        if item is None:
            return False
        metadata = item["metadata"]
        labels = metadata.get("labels", {})
        fields = {"metadata.name": metadata["name"], "metadata.namespace": metadata.get("namespace", "")}
        return (
            self._namespace in ("", metadata.get("namespace", ""))
            and all(fields[key] == value for key, value in self._fields)
            and all(labels.get(key) == value for key, value in self._labels)
        )


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in (part.partition("=") for part in text.split(",") if part)]


class Change(NamedTuple):
    version: int
    plural: str
    old: Object | None
    new: Object | None


@dataclass(eq=False)
class Watcher:
    plural: str
    selected: Selector
    request: web.Request
    lines: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    def tell(self, change: Change) -> None:
        was, is_ = self.selected(change.old), self.selected(change.new)
        if is_:
            self.lines.put_nowait(_line("MODIFIED" if was else "ADDED", change.new))
        elif was:
            last = dict(change.old or {})
            last["metadata"] = last["metadata"] | {"resourceVersion": str(change.version)}
            self.lines.put_nowait(_line("DELETED", last))


def _line(kind: str, item: Object | None) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def _status(code: int, message: str) -> Object:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


@dataclass
class Fault:
    needle: str
    status: int
    retry_after: int
    times: int
    method: str


class RefusedError(Exception):
    def __init__(self, code: int, message: str, retry_after: int = 0) -> None:
        self.code, self.message, self.retry_after = code, message, retry_after


class FakeKube:
    """The API server. Objects are changed with `put` and `delete`, or over HTTP."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.watch_list = True
        self.version = 100
        self.tokens: set[str] | None = None
        self.forbidden: Callable[[Place, Request], bool] = lambda _place, _request: False
        self.absent = {kind.plural for kind in kinds.ALL if kind.custom}  # custom resources that nobody installed
        #: Custom resources that are installed only in an older version, by plural.
        self.older: dict[str, str] = {}
        #: Kinds that are there in another version than the usual one, by plural.
        self.served: dict[str, str] = {}
        #: Tokens of service accounts: user, audience, and the pod it is bound to.
        self.accounts: dict[str, tuple[str, str, str]] = {}
        self.knows_audiences = True
        self._objects: dict[str, dict[tuple[str, str], Object]] = {}
        self._owners: dict[tuple[str, str, str], dict[str, set[str]]] = {}
        self._history: list[Change] = []
        self._compacted = 0
        self._snapshots: dict[str, tuple[int, list[Object]]] = {}
        self._watchers: set[Watcher] = set()
        self._faults: list[Fault] = []
        self._numbers = itertools.count(1)

    # ---------------------------------------------------------------- what happens in the cluster

    def put(self, plural: str, item: Object) -> Object:
        metadata = item["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        old = self._objects.setdefault(plural, {}).get(key)
        self.version += 1
        uid = old["metadata"]["uid"] if old else f"uid-{next(self._numbers)}"
        stored = item | {"metadata": metadata | {"uid": uid, "resourceVersion": str(self.version)}}
        self._objects[plural][key] = stored
        self._publish(Change(self.version, plural, old, stored))
        return stored

    def delete(self, plural: str, namespace: str, name: str) -> None:
        self.version += 1
        old = self._objects[plural].pop((namespace, name))
        self._owners.pop((plural, namespace, name), None)
        self._publish(Change(self.version, plural, old, None))

    def get(self, plural: str, namespace: str, name: str) -> Object | None:
        return self._objects.get(plural, {}).get((namespace, name))

    def all(self, plural: str) -> list[Object]:
        return list(self._objects.get(plural, {}).values())

    def own(self, plural: str, namespace: str, name: str, owned: str, manager: str) -> None:
        """Another controller has set this field."""
        self._owners.setdefault((plural, namespace, name), {})[owned] = {manager}

    def _publish(self, change: Change) -> None:
        self._history.append(change)
        for watcher in self._watchers:
            if watcher.plural == change.plural:
                watcher.tell(change)

    # ---------------------------------------------------------------- bad days

    def compact(self) -> None:
        """Forget the history up to now: older watches and pages get 410."""
        self._compacted = self.version
        self._history.clear()
        self._snapshots.clear()

    def fail(self, needle: str, status: int, times: int = 1, retry_after: int = 0, method: str = "") -> None:
        """Answer the next requests whose path and query hold `needle` with an error; status 0 hangs up."""
        self._faults.append(Fault(needle, status, retry_after, times, method))

    def mend(self) -> None:
        self._faults.clear()

    def cut(self) -> None:
        """Every watch loses its connection."""
        for watcher in self._watchers:
            if watcher.request.transport:
                watcher.request.transport.abort()

    def end_watches(self) -> None:
        """Every watch ends as it does after `timeoutSeconds`."""
        for watcher in self._watchers:
            watcher.lines.put_nowait(None)

    def say(self, plural: str, *pieces: bytes) -> None:
        """Bytes of any kind on the watches of this kind, piece by piece."""
        for watcher in self._watchers:
            if watcher.plural == plural:
                for piece in pieces:
                    watcher.lines.put_nowait(piece)

    def bookmark(self) -> None:
        for watcher in self._watchers:
            watcher.lines.put_nowait(self._bookmark_line())

    def watches(self, plural: str = "") -> int:
        return sum(watcher.plural == plural or not plural for watcher in self._watchers)

    def asked(self, needle: str = "", method: str = "") -> list[Request]:
        """The requests so far whose path holds `needle`."""
        return [it for it in self.requests if needle in it.path and method in ("", it.method)]

    # ---------------------------------------------------------------- the server

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeKube]:
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.05, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        self.cut()
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        peer = request.transport and request.transport.get_extra_info("peername")
        seen = Request(request.method, request.path, query, dict(request.headers), peer)
        self.requests.append(seen)
        place = place_of(request.path)
        try:
            self._check(seen, place)
            if seen.is_watch:
                return await self._watch(request, place, query)
            return web.json_response(await self._answer(request, place, query))
        except RefusedError as error:
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
            if error.code == 0 and request.transport:
                request.transport.abort()
            return web.json_response(_status(error.code, error.message), status=error.code or 500, headers=headers)

    def _check(self, request: Request, place: Place) -> None:
        if (
            self.tokens is not None
            and request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens
        ):
            raise RefusedError(401, "Unauthorized")
        if self.forbidden(place, request):
            raise RefusedError(403, f"{place.plural} is forbidden")
        if place.plural in self.absent:
            raise RefusedError(404, "404 page not found")
        text = request.path + "?" + "&".join(f"{key}={value}" for key, value in request.query.items())
        for fault in self._faults:
            if fault.needle in text and fault.times > 0 and fault.method in ("", request.method):
                fault.times -= 1
                raise RefusedError(fault.status, "as the test wants it", fault.retry_after)

    async def _answer(self, request: web.Request, place: Place, query: dict[str, str]) -> Object:
        match request.method:
            case "GET" if not place.plural:
                return self._discovery(place)
            case "GET" if not place.name:
                return self._list(place, query)
            case "GET":
                found = self._found(place)
                if "as=PartialObjectMetadata" in request.headers.get("Accept", ""):
                    return {"kind": "PartialObjectMetadata", "metadata": found["metadata"]}
                return found
            case "POST" if place.plural == "tokenreviews":
                return self._review((await request.json())["spec"])
            case "POST":
                body = await request.json()
                if self.get(place.plural, place.namespace, body["metadata"]["name"]):
                    raise RefusedError(409, "already exists")
                return self.put(place.plural, body)
            case "PUT":
                body = await request.json()
                if self._found(place)["metadata"]["resourceVersion"] != body["metadata"].get("resourceVersion"):
                    raise RefusedError(409, "the object has been modified")
                return self.put(place.plural, body)
            case "PATCH" if request.content_type == "application/apply-patch+yaml":
                return self._apply(place, query, await request.json())
            case "DELETE":
                found = self._found(place)
                options = await request.json() if request.can_read_body else {}
                if (uid := options.get("preconditions", {}).get("uid")) not in (None, found["metadata"]["uid"]):
                    raise RefusedError(409, f"the UID in the precondition ({uid}) does not match")
                self.delete(place.plural, place.namespace, place.name)
                return found
        raise RefusedError(415, "unsupported")

    def _discovery(self, place: Place) -> Object:
        here = [
            kind
            for kind in kinds.ALL
            if kind.plural not in self.absent
            and f"{kind.group}/{self.served.get(kind.plural, kind.version)}".lstrip("/") == place.api_version
        ]
        here += [kind for kind in kinds.ALL if f"{kind.group}/{self.older.get(kind.plural)}" == place.api_version]
        if not here:
            raise RefusedError(404, "404 page not found")
        return {"kind": "APIResourceList", "resources": [{"name": kind.plural} for kind in here]}

    def _review(self, spec: Object) -> Object:
        """TokenReview: who has this token, if it was made for one of these audiences."""
        user, audience, pod = self.accounts.get(spec["token"], ("", "", ""))
        if user and not self.knows_audiences:
            return {"status": {"authenticated": True, "user": {"username": user}}}
        if not user or audience not in spec["audiences"]:
            return {"status": {"error": "token audiences are invalid"}}
        extra = {"authentication.kubernetes.io/pod-name": [pod]} if pod else {}
        return {"status": {"authenticated": True, "audiences": [audience], "user": {"username": user, "extra": extra}}}

    def _found(self, place: Place) -> Object:
        found = self.get(place.plural, place.namespace, place.name)
        if found is None:
            raise RefusedError(404, f"{place.plural} {place.name!r} not found")
        return found

    def _list(self, place: Place, query: dict[str, str]) -> Object:
        selected = Selector(place, query)
        if token := query.get("continue"):
            if token not in self._snapshots:
                raise RefusedError(410, "The provided continue parameter is too old")
            version, items = self._snapshots.pop(token)
        else:
            version, items = self.version, [it for it in self.all(place.plural) if selected(it)]
        limit = int(query.get("limit", "0")) or len(items)
        metadata = {"resourceVersion": str(version)}
        if len(items) > limit:
            metadata["continue"] = f"token-{next(self._numbers)}"
            self._snapshots[metadata["continue"]] = (version, items[limit:])
        return {"kind": "List", "apiVersion": place.api_version, "metadata": metadata, "items": items[:limit]}

    # ---------------------------------------------------------------- watches

    async def _watch(self, request: web.Request, place: Place, query: dict[str, str]) -> web.StreamResponse:
        if "sendInitialEvents" in query and not self.watch_list:
            raise RefusedError(
                422, "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
            )
        watcher = Watcher(place.plural, Selector(place, query), request)
        for line in self._backlog(watcher, query):
            watcher.lines.put_nowait(line)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        self._watchers.add(watcher)
        if seconds := query.get("timeoutSeconds"):
            asyncio.get_running_loop().call_later(int(seconds), watcher.lines.put_nowait, None)
        try:
            await response.prepare(request)
            while (line := await watcher.lines.get()) is not None:
                await response.write(line)
            await response.write_eof()
        except ConnectionResetError:
            pass
        finally:
            self._watchers.discard(watcher)
        return response

    def _backlog(self, watcher: Watcher, query: dict[str, str]) -> Iterator[bytes | None]:
        since = int(query.get("resourceVersion") or self.version)
        if "sendInitialEvents" in query:
            for item in self.all(watcher.plural):
                if watcher.selected(item):
                    yield _line("ADDED", item)
            yield self._bookmark_line({"k8s.io/initial-events-end": "true"})
        elif since < self._compacted:
            yield _line("ERROR", _status(410, f"too old resource version: {since} ({self._compacted})"))
            yield None
        else:
            for change in self._history:
                if change.version > since and change.plural == watcher.plural:
                    watcher.tell(change)

    def _bookmark_line(self, annotations: dict[str, str] | None = None) -> bytes:
        metadata: Object = {"resourceVersion": str(self.version)}
        return _line("BOOKMARK", {"metadata": metadata | ({"annotations": annotations} if annotations else {})})

    # ---------------------------------------------------------------- server-side apply

    def _apply(self, place: Place, query: dict[str, str], wanted: Object) -> Object:
        """Ownership by `part.field` is as fine as is needed here."""
        manager, force = query["fieldManager"], query.get("force") == "true"
        old = self.get(place.plural, place.namespace, place.name)
        if old is None and place.subresource:
            raise RefusedError(404, "not found")
        version = wanted.get("metadata", {}).get("resourceVersion")
        if old is not None and version not in (None, old["metadata"]["resourceVersion"]):
            raise RefusedError(409, "the object has been modified")
        base = old or {"metadata": {"name": place.name, "namespace": place.namespace}}
        owners = self._owners.setdefault((place.plural, place.namespace, place.name), {})
        applied = {f"{part}.{name}": (part, name, value) for part, name, value in _leaves(wanted, place.subresource)}
        result: Object = json.loads(json.dumps(base))
        for owned in [it for it, managers in owners.items() if manager in managers and it not in applied]:
            owners[owned].discard(manager)
            if not owners[owned]:
                part, _, name = owned.partition(".")
                result.get(part, {}).pop(name, None)
        for owned, (part, name, value) in applied.items():
            holder = result if not part else result.setdefault(part, {})
            others = owners.setdefault(owned, set()) - {manager}
            if others and holder.get(name) != value:
                if not force:
                    raise RefusedError(409, f"Apply failed with 1 conflict: conflict with {others}: .{owned}")
                owners[owned].clear()
            owners[owned].add(manager)
            holder[name] = value
        if result == base:
            return result
        return self.put(place.plural, result)


def _leaves(wanted: Object, subresource: str) -> Iterator[tuple[str, str, Any]]:
    """A subresource takes only its own part; everything else takes everything else. Of metadata: the finalizers."""
    finalizers = wanted.get("metadata", {}).get("finalizers")
    if finalizers is not None and not subresource:
        yield "metadata", "finalizers", finalizers
    for part, value in wanted.items():
        if part in ("metadata", "apiVersion", "kind"):
            continue
        if subresource:
            if part == subresource:
                yield from ((part, name, field_value) for name, field_value in value.items())
        elif part != "status":
            yield "", part, value
