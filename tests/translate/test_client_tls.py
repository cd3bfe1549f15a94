"""Which of several Ingresses decides how TLS is spoken with the clients of their host."""

from __future__ import annotations

from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.model.traffic import Respond
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.ingress import Ingress
from tests import objects

NGINX = "nginx.ingress.kubernetes.io/"


def claim(name: str, created: str, host: str = "a.test", namespace: str = "shop", **said: str) -> Ingress:
    rule = objects.rule(host, objects.path(f"/{name}"))
    annotations = {NGINX + key.replace("_", "-"): text for key, text in said.items()}
    return objects.ingress(name, rule, namespace=namespace, created=created, annotations=annotations)


def made(*ingresses: Ingress) -> Pipeline:
    return objects.pipeline(objects.service(), objects.service(namespace="other"), *ingresses)


def open_paths(pipeline: Pipeline) -> set[str]:
    return {
        route.match.path
        for row in pipeline.hosts.rows.values()
        for route in row.routes
        if not isinstance(route.action, Respond)
    }


def tls(pipeline: Pipeline) -> list[ClientTls | None]:
    return [row.client_tls for row in pipeline.hosts.rows.values()]


def test_the_oldest_that_says_something_decides() -> None:
    found = made(
        claim("old", "2024"),
        claim("first", "2025", tls_min_protocol_version="TLSv1.3"),
        claim("second", "2026", tls_min_protocol_version="TLSv1.2", tls_max_protocol_version="TLSv1.3"),
    )
    assert tls(found) == [ClientTls(min_version="1.3", max_version="1.3")]
    assert open_paths(found) == {"/old", "/first"}
    assert ("Ingress shop/second", "metadata.annotations", "ClientTlsConflict") in objects.problems(found)


def test_a_stranger_has_no_say() -> None:
    found = made(
        claim("old", "2024"), claim("late", "2025", namespace="other", tls_min_protocol_version="TLSv1.3"),
    )  # fmt: skip
    assert tls(found) == [None]
    assert open_paths(found) == {"/old"}


def test_a_stranger_cannot_close_the_host() -> None:
    found = made(claim("old", "2024"), claim("late", "2025", namespace="other", auth_tls_secret="other/none"))
    assert open_paths(found) == {"/old"}


def test_one_that_cannot_check_certificates_closes_the_host_of_its_namespace() -> None:
    found = made(claim("old", "2024"), claim("late", "2025", auth_tls_secret="shop/none"))
    assert open_paths(found) == set()


def test_other_ciphers_are_told_and_close_nothing() -> None:
    first, second = "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"
    found = made(claim("one", "2024", ssl_ciphers=first), claim("two", "2025", ssl_ciphers=second))
    assert tls(found) == [ClientTls(ciphers=(first,))]
    assert open_paths(found) == {"/one", "/two"}
    assert objects.problems(found) == [("Ingress shop/two", "metadata.annotations", "ClientTlsConflict")]


def test_a_wildcard_keeps_the_usual_way_and_is_closed_where_that_is_not_enough() -> None:
    found = made(claim("wild", "2024", host="*.a.test", tls_min_protocol_version="TLSv1.3"))
    assert tls(found) == [None]
    assert open_paths(found) == set()
