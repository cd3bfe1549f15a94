"""Settings files: what is taken, and that every mistake names file and setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from sealos_gateway import settings
from sealos_gateway.settings import DefaultCertificate, HostOwnership, Settings, SettingsError, TlsVersion


def load(folder: Path, text: str | bytes) -> Settings:
    path = folder / "settings.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return settings.load(path)


def test_without_a_file_the_defaults() -> None:
    assert settings.load(None) == Settings()


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "# nothing\n") == Settings()


def test_only_what_differs_need_be_said(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
        http_port: 80
        ingress: {host_ownership: first-namespace, classes: [sealos, nginx]}
        tls: {min_version: "1.3", default_certificates: [{pattern: "*.a.com", secret: ns/x}]}
        """,
    )
    assert found.http_port == 80
    assert found.https_port == Settings().https_port
    assert found.ingress.host_ownership is HostOwnership.FIRST_NAMESPACE
    assert found.tls.min_version is TlsVersion.TLS_1_3
    assert found.tls.default_certificates == (DefaultCertificate("*.a.com", "ns/x"),)


def test_json_is_a_settings_file_too(tmp_path: Path) -> None:
    assert load(tmp_path, '{"http": {"trusted_hops": 2}}').http.trusted_hops == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("htpp_port: 80", "htpp_port"),
        ("http: {idle: 5}", "idle"),
        ("http_port: eighty", "http_port"),
        ("http_port: 70000", "http_port: 70000"),
        ("https_port: -1", "https_port: -1"),
        ("http: {max_request_headers_kb: 9000}", "http.max_request_headers_kb: 9000"),
        ("envoy: {concurrency: -2}", "envoy.concurrency"),
        ("tls: {min_version: 1.3}", "tls.min_version"),
        ('tls: {min_version: "1.1"}', "tls.min_version"),
        ("ingress: {host_ownership: mine}", "ingress.host_ownership"),
        ("tls: {default_certificates: [{pattern: x}]}", "tls.default_certificates[0]"),
        ("[]", "top level"),
        ("just words", "top level"),
        ("a: [", "not YAML"),
        ("a: 1\na: {", "not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"a: \x00", "not YAML"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_a_mistake_names_file_and_setting(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    assert "settings.yaml" in str(caught.value)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(SettingsError, match="cannot be read"):
            settings.load(path)


def test_the_defaults_are_in_their_ranges() -> None:
    settings.check(Settings())
