"""Golden cases: manifests in, what the gateway makes of them out, in one file each.

A file of `golden/<room>/` holds documents as a user writes them, a line `# Output`, and the result as YAML. What all
cases of a room share stands in its `_defaults.yaml`. Two conveniences: a document `settings: {…}` is the settings file,
and where data is `{pair: "KIND NAME…"}` there is a real certificate of that kind for those names (`{ca: "NAME"}` in a
ConfigMap: one that is an authority). A line
`# Shows: hosts endpoints` chooses the sections (hosts and problems if there is none).

`GOLDEN_REWRITE=1` writes the results instead of comparing them: read the difference before it is committed.
"""

from __future__ import annotations

import base64
import enum
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from google.protobuf import any_pb2

from sealos_gateway.envoy import names
from sealos_gateway.files.source import Source
from sealos_gateway.model.gateway_listener import Stream
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.template import Template
from sealos_gateway.model.traffic import Action, Forward, Redirect, Respond, Route, Split, VirtualHost
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.meta import Condition
from sealos_gateway.settings import Settings
from tests import pem
from tests.envoy import rules

ROOT = Path(__file__).parent / "golden"
CASES = sorted(path for path in ROOT.glob("*/*.yaml") if not path.name.startswith("_"))
MARK = "# Output\n"


def split(path: Path) -> tuple[str, str]:
    text, _, expected = path.read_text(encoding="utf-8").partition(MARK)
    return text, expected


def pipeline(text: str, folder: Path) -> tuple[Pipeline, Source]:
    """The manifests read by the real reader and settled."""
    documents = [document for document in yaml.safe_load_all(text) if document]
    chosen: dict[str, Any] = next((document["settings"] for document in documents if "settings" in document), {})
    manifests = [document for document in documents if "settings" not in document]
    (folder / "case.yaml").write_text(yaml.safe_dump_all(manifests, sort_keys=False), encoding="utf-8")
    made, source = Pipeline(msgspec.convert(chosen, Settings)), Source([folder])
    for kind, ref, resource in source.load().puts:
        made.put(kind, ref, resource)
    made.settle()
    return made, source


def with_pairs(text: str) -> str:
    def data(found: re.Match[str]) -> str:
        kind, *covered = found[1].split()
        made = pem.pair(*covered, kind=kind)
        chain, key = (base64.b64encode(part).decode() for part in made)
        return f"{{tls.crt: {chain}, tls.key: {key}}}"

    def authority(found: re.Match[str]) -> str:
        return f"{{ca.crt: {json.dumps(pem.pair(found[1]).chain.decode())}}}"

    text = re.sub(r'\{ca: "([^"]*)"\}', authority, text)
    return re.sub(r'\{pair: "([^"]*)"\}', data, text)


def target(key: BackendKey | None) -> str:
    return f"{key.namespace}/{key.service}:{key.port}{'/udp' * (key.transport == 'UDP')}" if key else "nothing"


def action_text(action: Action) -> str:
    match action:
        case Forward(backend):
            return target(backend)
        case Split(targets):
            return ", ".join(f"{target(it.backend)} x{it.weight}" for it in targets)
        case Respond(status, body):
            return f"{status} {body}".rstrip()
        case Redirect():
            return f"redirect {shown(action)}"


def shown(value: Any) -> str:
    """A value of the model by what it says: only what differs from the default."""
    if isinstance(value, Template):
        return str(value)
    if isinstance(value, msgspec.Struct):
        told = {f.name: getattr(value, f.name) for f in msgspec.structs.fields(value)}
        defaults = {f.name: f.default for f in msgspec.structs.fields(value)}
        said = (f"{name}={shown(it)}" for name, it in told.items() if it != defaults[name])
        return f"{type(value).__name__}({', '.join(said)})"
    if isinstance(value, BackendKey):
        return target(value) + (f" {shown(value.policy)}" if value.policy else "")
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return f"[{', '.join(map(shown, value))}]"
    return value.name if isinstance(value, enum.Enum) else str(value)


def route_line(route: Route, several: bool) -> str:
    line = f"{route.match} -> {action_text(route.action)}"
    keys = [key for key in route.backends if key.policy]
    ways = dict.fromkeys(shown(key.policy) for key in keys)
    line += (f"  of {route.origin.ref}" if several else "") + ("  https only" if route.https_only else "")
    return line + (f"  {shown(route.policy)}" if route.policy else "") + "".join(f"  {way}" for way in ways)


def hosts(made: Pipeline) -> dict[str, list[str]]:
    several = len(made.attachments) > 1
    rows = sorted(made.hosts.rows.values(), key=lambda row: row.key)
    return {row.key.host: [*tls_line(row), *(route_line(route, several) for route in row.routes)] for row in rows}


def tls_line(row: VirtualHost) -> list[str]:
    return [f"TLS: {shown(row.client_tls)}"] if row.client_tls else []


def endpoints(made: Pipeline) -> dict[str, str]:
    found = {}
    for key, row in sorted(made.backends.rows.items(), key=lambda it: (it[0][:3], names.backend(it[0], made.domain))):
        behind = made.endpoints.get(key)
        places = [f"{address} {port}" for address, port in behind.endpoints] if behind else ["no endpoint set"]
        shown = f"dns {row.dns_name} {row.dns_port}" if row.dns_name else ", ".join(places) or "none"
        spoken = "udp" if key.transport == "UDP" else row.protocol.value
        found[target(key)] = f"{spoken}: {shown}"
    return found


def certificates(made: Pipeline) -> dict[str, str]:
    rows = sorted(made.certificates.rows.items())
    return {pattern: ", ".join(f"{pair.algorithm} of {pair.name}" for pair in row.pairs) for pattern, row in rows}


def backends(made: Pipeline) -> dict[str, str]:
    """How each backend is spoken to, or why nobody is sent there."""
    found = {}
    for key, row in sorted(made.backends.rows.items(), key=lambda it: names.backend(it[0], made.domain)):
        found[shown(key)] = f"shut: {row.shut}" if row.shut else f"{row.protocol.value} {shown(row.tls)}"
    return found


def policies(made: Pipeline) -> dict[str, list[str]]:
    """What the status of each BackendTLSPolicy says, Gateway by Gateway."""
    return {
        str(ref): [
            f"{entry.ancestor_ref.name}: {it.type} {it.status} {it.reason}: {it.message}"
            for entry in row.ancestors
            for it in entry.conditions
        ]
        for ref, row in sorted(made.backend_tls.statuses.rows.items())
    }


def listeners(made: Pipeline) -> dict[str, Any]:
    """Ports of Gateways where something is handed on: the server name, if one is read, and the shares."""

    def stream(it: Stream) -> str:
        shares = ", ".join(f"{target(share.backend)} x{share.weight}" for share in it.targets) or "nothing"
        return f"{it.server_name} -> {shares}".lstrip()

    rows = sorted(made.routes.listeners.rows.values(), key=lambda row: row.place)
    return {row.place: [stream(it) for it in row.streams] for row in rows}


def statuses(made: Pipeline) -> dict[str, Any]:
    """Of listeners, with the number of routes attached to each, and of routes for each of their parents."""
    found: dict[str, Any] = {}
    for ref, row in sorted(made.gateway_api.statuses.rows.items()):
        for it in row.listeners:
            found[f"Gateway {ref} {it.name}"] = [f"attached {it.attached_routes}", *conditions(it.conditions)]
    for kind in kinds.ROUTES:
        for ref, route in sorted(made.gateway_statuses[kind].rows.items()):
            for parent in route.parents:
                section = parent.parent_ref.section_name or parent.parent_ref.port or "any"
                found[f"{kind.name} {ref} at {section}"] = conditions(parent.conditions)
    return found


def conditions(found: Sequence[Condition]) -> list[str]:
    return [f"{it.type} {it.status}" + ("" if it.reason == it.type else f" {it.reason}") for it in found]


def gateway_hosts(made: Pipeline) -> dict[str, list[str]]:
    """By place and host; what answers there, the first match first."""
    rows = sorted(made.gateway_hosts.rows.values(), key=lambda row: row.key)
    return {names.host(row.key): [route_line(route, True) for route in row.routes] for row in rows}


def clusters(made: Pipeline) -> dict[str, str]:
    """Of backends whose Service has a policy: what holds, and how many endpoints are left."""
    found = {}
    for key, row in made.backends.rows.items():
        if row.shut:
            found[shown(key)] = f"shut: {row.shut}"
        elif row.attached is not None:
            behind = made.endpoints.get(key)
            count = f"{len(behind.endpoints)} endpoints" if behind else "DNS"
            text = f"{row.protocol.value}, {count}, {shown(row.attached)}"
            found[shown(key)] = text + (f" and {shown(row.tls)}" if row.tls and not row.attached.tls else "")
    return dict(sorted(found.items()))


def attached(made: Pipeline) -> dict[str, list[str]]:
    """What is written back to our policies."""
    found: dict[str, list[str]] = {}
    for kind in kinds.POLICIES:
        for ref, row in sorted(made.gateway_statuses[kind].rows.items()):
            for ancestor in row.ancestors:
                target = ancestor.ancestor_ref
                about = f"{kind.name} {ref} at {target.kind} {target.name} {target.section_name or ''}".strip()
                found[about] = [f"{it.type} {it.status} {it.reason}" for it in ancestor.conditions]
    return found


SECTIONS: dict[str, Callable[[Pipeline], Any]] = {
    "hosts": hosts,
    "gateway_hosts": gateway_hosts,
    "clusters": clusters,
    "attached": attached,
    "endpoints": endpoints,
    "certificates": certificates,
    "backends": backends,
    "policies": policies,
    "listeners": listeners,
    "statuses": statuses,
}
#: What cases of a room show that do not say it.
ROOMS = {"gateway_routes": ["gateway_hosts", "listeners", "statuses"]}


def broken(made: Pipeline) -> list[str]:
    """What Envoy has against any resource of all that it may ask for."""
    found: list[str] = []
    for type_ in names.ORDER:
        for name in made.snapshot.names(type_):
            row = made.snapshot.row(type_, name)
            assert row is not None
            assert isinstance(row.body, bytes), name
            found += rules.broken(any_pb2.Any(type_url=type_, value=row.body), name)
    return found


def result(path: Path, folder: Path) -> str:
    text, _ = split(path)
    wanted = re.search(r"^# Shows: (.*)$", text, re.MULTILINE)
    defaults = (path.parent / "_defaults.yaml").read_text(encoding="utf-8")
    made, source = pipeline(with_pairs(f"{defaults}\n---\n{text}"), folder)
    chosen = wanted[1].split() if wanted else ROOMS.get(path.parent.name, ["hosts"])
    sections = {name: SECTIONS[name](made) for name in chosen}
    if found := [re.sub(r"^File \S+ line \d+, ", "File ", str(it)) for it in (*source.problems, *made.problems())]:
        sections["problems"] = found
    assert not made.graph.failures
    assert not broken(made)
    return yaml.safe_dump(sections, sort_keys=False, allow_unicode=True, width=10_000)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden(path: Path, tmp_path: Path) -> None:
    text, expected = split(path)
    found = result(path, tmp_path)
    if os.environ.get("GOLDEN_REWRITE"):
        path.write_text(f"{text.rstrip()}\n\n{MARK}{found}", encoding="utf-8")
    else:
        assert found == expected, "see the head of this file for how to rewrite"


def test_there_are_cases() -> None:
    assert len(CASES) >= 40
