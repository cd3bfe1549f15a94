"""Ways to an API server: a pod's service account, and kubeconfig files of every sort."""

from __future__ import annotations

import base64
import math
import os
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from sealos_gateway.kube.client import Client
from sealos_gateway.kube.config import Config, ConfigError, InCluster, KubeConfig, Stamp, Tls
from tests import pem
from tests.fake_clock import FakeClock
from tests.fakes import FakeKube

IN_POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
PAIR = pem.pair("kubernetes.default")


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "ca.crt").write_bytes(PAIR.chain)
    return tmp_path


def kubeconfig(folder: Path, user: dict[str, Any], cluster: dict[str, Any] | None = None, name: str = "config") -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "here", "user": "me"}},
            {"name": "two", "context": {"cluster": "there", "user": "me"}},
        ],
        "clusters": [
            {"name": "here", "cluster": {"server": "https://api:6443"} | (cluster or {})},
            {"name": "there", "cluster": {"server": "https://other:6443"}},
        ],
        "users": [{"name": "me", "user": user}],
    }
    path = folder / name
    path.write_text(yaml.safe_dump(document))
    return str(path)


def plugin(folder: Path, status: str) -> dict[str, Any]:
    """An exec plugin that counts how often it ran."""
    script = folder / "plugin"
    script.write_text(
        f"#!/bin/sh\necho x >> {folder}/runs\n"
        f"""echo '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{status}}}'\n"""
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "interactiveMode": "Never"}
    }


def content(stamp: Stamp) -> bytes:
    return Path(stamp.path).read_bytes()


async def load(path: str, context: str | None = None, **environ: str) -> Config:
    return (await KubeConfig(path, context, environ).load()).config


# -------------------------------------------------------------------- in a pod


async def test_the_service_account_of_a_pod(account: Path) -> None:
    config, seconds = await InCluster(IN_POD, account).load()
    assert config.server == "https://10.96.0.1:443"
    assert config.authorization == "Bearer first"
    assert config.tls.ca
    assert config.tls.ca.path == str(account / "ca.crt")
    assert config.proxy == ""
    assert seconds == 60


async def test_a_token_that_was_replaced_is_found(account: Path) -> None:
    access = InCluster(IN_POD, account)
    before = (await access.load()).config
    assert (await access.load()).config == before
    (account / "token").write_text("second")
    after = (await access.load()).config
    assert after.authorization == "Bearer second"
    assert after.tls == before.tls, "the same certificates need no new connections"


async def test_a_certificate_that_was_replaced_is_another(account: Path) -> None:
    access = InCluster(IN_POD, account)
    before = (await access.load()).config
    (account / "ca.crt").write_bytes(PAIR.chain + b"\n")
    assert (await access.load()).config.tls != before.tls


async def test_an_address_of_ipv6_has_brackets(account: Path) -> None:
    loaded = await InCluster(IN_POD | {"KUBERNETES_SERVICE_HOST": "fd00::1"}, account).load()
    assert loaded.config.server == "https://[fd00::1]:443"


async def test_the_proxy_of_a_pod_and_its_exceptions(account: Path) -> None:
    proxied = IN_POD | {"HTTPS_PROXY": "http://proxy:3128"}
    assert (await InCluster(proxied, account).load()).config.proxy == "http://proxy:3128"
    direct = proxied | {"NO_PROXY": "10.96.0.0/12"}
    assert (await InCluster(direct, account).load()).config.proxy == ""


@pytest.mark.parametrize(("file", "message"), [("token", "is a service account token mounted"), ("ca.crt", "ca.crt")])
async def test_what_is_missing_in_a_pod_is_said(account: Path, file: str, message: str) -> None:
    (account / file).unlink()
    with pytest.raises(ConfigError, match=message):
        await InCluster(IN_POD, account).load()


async def test_outside_of_a_pod_and_with_an_empty_token(account: Path) -> None:
    with pytest.raises(ConfigError, match="this is no pod"):
        await InCluster({}, account).load()
    (account / "token").write_text("\n")
    with pytest.raises(ConfigError, match="empty"):
        await InCluster(IN_POD, account).load()


def test_neither_a_token_nor_a_proxy_password_is_printed() -> None:
    config = Config("https://api", "Bearer secret", proxy="http://user:secret@proxy")
    assert "secret" not in repr(config)


# -------------------------------------------------------------------- kubeconfig


async def test_a_token_and_another_context(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, {"token": "abc"})
    assert (await load(path)).authorization == "Bearer abc"
    assert (await load(path, "two")).server == "https://other:6443"


async def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    access = KubeConfig(kubeconfig(tmp_path, {"tokenFile": "token"}), environ={})
    config, seconds = await access.load()
    assert (config.authorization, seconds) == ("Bearer first", 60)
    (tmp_path / "token").write_text("second\n")
    assert (await access.load()).config.authorization == "Bearer second"


async def test_user_and_password(tmp_path: Path) -> None:
    config = await load(kubeconfig(tmp_path, {"username": "me", "password": "pw"}))
    assert config.authorization == "Basic " + base64.b64encode(b"me:pw").decode()


async def test_client_certificates_as_files_or_inside(tmp_path: Path) -> None:
    (tmp_path / "tls.crt").write_bytes(PAIR.chain)
    (tmp_path / "tls.key").write_bytes(PAIR.key)
    files = {"client-certificate": "tls.crt", "client-key": "tls.key"}
    inside = {
        "client-certificate-data": base64.b64encode(PAIR.chain).decode(),
        "client-key-data": base64.b64encode(PAIR.key).decode(),
    }
    authority = {"certificate-authority-data": base64.b64encode(PAIR.chain).decode()}
    for user in (files, inside):
        config = await load(kubeconfig(tmp_path, user, authority))
        assert config.tls.certificate
        assert config.tls.key
        assert content(config.tls.certificate) == PAIR.chain
        assert content(config.tls.key) == PAIR.key
        assert config.tls.context().verify_mode is ssl.CERT_REQUIRED


async def test_a_cluster_behind_a_proxy_under_another_name(tmp_path: Path) -> None:
    cluster = {"proxy-url": "http://proxy:1", "tls-server-name": "kubernetes", "insecure-skip-tls-verify": True}
    config = await load(kubeconfig(tmp_path, {"token": "abc"}, cluster))
    assert (config.proxy, config.tls.server_name) == ("http://proxy:1", "kubernetes")
    assert config.tls.context().verify_mode is ssl.CERT_NONE
    plain = await load(kubeconfig(tmp_path, {"token": "abc"}), HTTPS_PROXY="proxy:2")
    assert plain.proxy == "http://proxy:2"


async def test_a_plugin_runs_again_only_when_what_it_gave_expires(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, plugin(tmp_path, '{"token":"from-plugin"}'))
    config, seconds = await KubeConfig(path, environ={}).load()
    assert config.authorization == "Bearer from-plugin"
    assert seconds == math.inf
    expiry = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = kubeconfig(tmp_path, plugin(tmp_path, f'{{"token":"t","expirationTimestamp":"{expiry}"}}'))
    assert 3500 < (await KubeConfig(path, environ={}).load()).fresh_seconds < 3541


async def test_a_plugin_runs_again_when_the_server_refuses(tmp_path: Path, kube: FakeKube) -> None:
    path = kubeconfig(tmp_path, plugin(tmp_path, '{"token":"first"}'), {"server": kube.url})
    kube.tokens = {"first"}
    async with Client(KubeConfig(path, environ={}), FakeClock()) as api:
        for _ in range(3):
            await api.request("GET", "/api/v1/services")
        assert (tmp_path / "runs").read_text() == "x\n"
        plugin(tmp_path, '{"token":"second"}')
        kube.tokens = {"second"}
        await api.request("GET", "/api/v1/services")
        assert (tmp_path / "runs").read_text() == "x\nx\n"


async def test_several_files_are_one(tmp_path: Path) -> None:
    first = kubeconfig(tmp_path, {"token": "first"}, name="first")
    second = kubeconfig(tmp_path, {"token": "second"}, name="second")
    missing = str(tmp_path / "missing")
    config = (await KubeConfig(environ={"KUBECONFIG": os.pathsep.join((missing, first, second))}).load()).config
    assert config.authorization == "Bearer first"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "a: b", "{contexts: [], clusters: [], users: [], current-context: x}"],
)
async def test_a_damaged_file_is_an_error_with_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConfigError, match=str(path)):
        await load(str(path))


async def test_missing_files_plugins_and_odd_proxies_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing"):
        await load(str(tmp_path / "missing"))
    broken = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(tmp_path / "none")}}
    with pytest.raises(ConfigError, match="none"):
        await load(kubeconfig(tmp_path, broken))
    with pytest.raises(ConfigError, match="SOCKS"):
        await load(kubeconfig(tmp_path, {"token": "t"}, {"proxy-url": "socks5://proxy:1"}))
    with pytest.raises(ConfigError, match="neither"):
        await load(kubeconfig(tmp_path, {"token": "t"}, {"server": "api:6443"}))


def test_certificates_that_cannot_be_used_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ca.crt"
    path.write_text("nothing")
    with pytest.raises(ConfigError, match="certificates cannot be used"):
        Tls(ca=Stamp(str(path), 1, 1)).context()
