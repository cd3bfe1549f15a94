"""Alerts and dashboard ask only for what a gateway with traffic exports, and metrics have names of their own."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from tests import pem
from tests.e2e import manifests, tls
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.fleet import Fleet
from tests.e2e.processes import eventually, free_ports

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = re.compile(r"\b(?:envoy|sgw)_[a-z0-9_]+")


class Exported(NamedTuple):
    """Everything that was scraped: names of samples, and of their labels."""

    names: frozenset[str]
    labels: frozenset[str]

    def unknown(self, expression: str) -> set[str]:
        return set(NAME.findall(expression)) - self.names - self.labels


def exported(*pages: str) -> Exported:
    """As Prometheus reads it; the parser of the Python client would rename counters that do not end in `_total`."""
    lines = [line for page in pages for line in page.splitlines() if line and not line.startswith("#")]
    names = (re.split(r"[{ ]", line, maxsplit=1)[0] for line in lines)
    return Exported(frozenset(names), frozenset(name for line in lines for name in re.findall(r'[{,](\w+)="', line)))


@pytest.fixture
async def busy(site: Site, echo_a: Echo) -> Site:
    """A site that had every kind of traffic: both protocols, a missing host, no endpoint, nobody at the endpoint."""
    pair = pem.pair(site.host)
    site.backend("web", echo_a.port)
    site.backend("empty")
    site.backend("closed", free_ports(1)[0])
    site.apply(manifests.tls_secret("cert", site.namespace, pair.chain, pair.key))
    annotations = {"sealos.io/ssl-redirect": "false"}
    site.ingress(tls=[tls.entry("cert", site.host)], annotations=annotations)
    for name in ("empty", "closed"):
        site.ingress(f"{name}:80", name=name, host=f"{name}.{site.host}")
    await site.gateway.settled()
    assert (await site.answer())["name"] == "echo-a"
    assert (await site.answer(https=True))["name"] == "echo-a"
    assert (await site.get(host=f"nobody.{site.host}")).status_code == 404
    assert (await site.get(host=f"empty.{site.host}")).status_code == 503
    assert (await site.get(host=f"closed.{site.host}")).status_code == 503
    return site


async def scraped(site: Site, *names: str) -> Exported:
    """Both pages, once these histograms have been filled: Envoy does that every few seconds, not for all at once."""

    async def pages() -> Exported | None:
        texts = [(await asyncio.to_thread(site.gateway.status, path)).text for path in ("/metrics", "/metrics/envoy")]
        found = exported(*texts)
        return found if found.names.issuperset(names) else None

    async def check() -> Exported:
        found = await pages()
        assert found, f"{names} are not exported"
        return found

    return await eventually(check, 20)


@pytest.fixture
async def apart(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[str]]:
    """What control plane and node tell where they are apart."""
    fleet = Fleet(tmp_path_factory.mktemp("f"), [])
    try:
        control = await asyncio.to_thread(fleet.controls[0].start)
        node = await asyncio.to_thread(fleet.node().start)
        async with httpx.AsyncClient(trust_env=False) as http:
            ports = (control.status_port, node.status_port)
            yield [(await http.get(f"http://127.0.0.1:{port}/metrics")).text for port in ports]
    finally:
        await asyncio.to_thread(fleet.stop)


HISTOGRAMS = ("envoy_http_downstream_rq_time_bucket", "envoy_cluster_upstream_rq_time_bucket")
#: Of the webhook, which has a status port of its own (tests/webhook/test_server.py looks at it).
ELSEWHERE = {"sgw_webhook_certificate_expiry_seconds"}


def rules() -> list[dict[str, Any]]:
    found = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text())
    return [rule for group in found["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
    return [panel for panel in found["panels"] if panel["type"] != "row"]


async def test_every_metric_that_is_asked_for_is_exported(busy: Site, apart: list[str]) -> None:
    one, two = await scraped(busy, *HISTOGRAMS), exported(*apart)
    found = Exported(one.names | two.names, one.labels | two.labels)
    asked = [(rule["alert"], rule["expr"]) for rule in rules()]
    asked += [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    assert len(asked) > 30
    missing = {title: unknown for title, expression in asked if (unknown := found.unknown(expression) - ELSEWHERE)}
    assert missing == {}


async def test_tenants_are_labels_and_never_part_of_a_name(busy: Site) -> None:
    """Otherwise each namespace and each host would have metrics of its own, without end."""
    found = await scraped(busy, "envoy_cluster_upstream_rq_total")
    assert [name for name in found.names if busy.namespace in name.split("_") or "svc" in name] == []
    text = busy.gateway.status("/metrics/envoy").text
    cluster = f'envoy_cluster_name="outbound|80||web.{busy.namespace}.svc.cluster.local"'
    assert re.search(rf"^envoy_cluster_upstream_rq_total{{{re.escape(cluster)}}} \d+$", text, re.MULTILINE)
    assert ".rds." not in busy.gateway.admin("/stats")


def test_alerts_say_what_to_do_and_how_bad_it_is() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule
        assert rule["annotations"]["summary"], rule
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))


def test_panels_do_not_overlap_and_have_numbers_of_their_own() -> None:
    whole = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
    ids = [panel["id"] for panel in whole["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in whole["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
