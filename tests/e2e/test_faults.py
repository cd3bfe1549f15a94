"""Bad input and bad surroundings: the message says what to do, everything else is served, nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e import manifests, processes, tls
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import Gateway, GatewayEndedError, eventually

PORTS = ["http", "https", "status"]


def with_host(gateway: Gateway, port: int) -> Site:
    """The gateway with one host that leads to an echo backend."""
    site = Site(gateway)
    site.backend("web", port)
    site.ingress()
    return site


async def serves(site: Site, **options: str) -> None:
    """Fails unless the host answers (for use with `eventually`)."""
    try:
        assert (await site.answer(**options))["name"] == "echo-a"
    except httpx.TransportError as error:
        raise AssertionError(str(error)) from error


def check(gateway: Gateway) -> tuple[int, str]:
    """`sgw check` on the same manifests: status and what it prints."""
    command = [sys.executable, "-m", "sealos_gateway", "check", "-f", str(gateway.manifests)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


def invalid(site: Site) -> dict[str, manifests.Object]:
    """Objects that are wrong in one way each, by the word their problem must contain."""
    namespace = site.namespace
    odd_paths = [manifests.path("no-slash", "web:80")]
    unreadable = manifests.ingress("unreadable", namespace, {f"u.{site.host}": "web:80"}) | {"spec": 5}
    odd_port = manifests.service("odd-port", namespace) | {"spec": {"ports": [{"port": "eighty"}]}}
    return {
        "bad-host": manifests.ingress("bad-host", namespace, {"under_score.test": "web:80"}),
        "bad-path": manifests.ingress("bad-path", namespace, {f"p.{site.host}": odd_paths}),
        "no-service": manifests.ingress("no-service", namespace, {f"s.{site.host}": "nowhere:80"}),
        "no-secret": manifests.ingress(
            "no-secret", namespace, {f"t.{site.host}": "web:80"}, tls=[tls.entry("nothing", f"t.{site.host}")]
        ),
        "unreadable": unreadable,
        "odd-port": odd_port,
    }


async def test_invalid_objects_beside_valid_ones(site: Site, echo_a: Echo) -> None:
    """Each is told as a problem of its object: on the status port, by `sgw check`, in the log and as a metric."""
    wrong = invalid(site)
    site.apply(*wrong.values())
    site.backend("web", echo_a.port)
    site.ingress()
    await eventually(lambda: serves(site))

    def told() -> None:
        problems = [it for it in site.gateway.problems() if f"{site.namespace}" in it]
        assert not [name for name in wrong if not any(name in it for it in problems)], problems

    await eventually(told)
    assert site.gateway.metric("sgw_problems") >= len(wrong)
    status, printed = check(site.gateway)
    assert status == 1
    for name in wrong:
        assert name in printed

    def logged() -> bool:
        return all(name in site.gateway.stderr() for name in wrong)

    await eventually(logged)
    await serves(site)


@pytest.mark.parametrize(
    ("which", "shared"), [("http", False), ("http", True), ("https", True), ("status", False)], ids=str
)
def test_a_port_that_is_taken(new_gateway: NewGateway, which: str, shared: bool) -> None:
    """`shared`: with SO_REUSEPORT, as another Envoy holds it."""
    with socket.socket() as one:
        if shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("127.0.0.1", 0))
        one.listen()
        refused(new_gateway, int(one.getsockname()[1]), which)


def refused(new_gateway: NewGateway, held: int, which: str) -> None:
    ports = processes.free_ports(3)
    ports[PORTS.index(which)] = held
    gateway = new_gateway(ports=tuple(ports))
    gateway.launch()
    assert gateway.process is not None
    assert gateway.process.wait(15) == 1
    said = gateway.stderr()
    assert f"cannot listen on 127.0.0.1:{held}" in said
    assert "Traceback" not in said
    assert not [port for port in ports if port != held and processes.is_listening(port)]
    assert processes.children(gateway.process.pid) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("htttp_port: 80", "htttp_port"),
        ("http_port: eighty", "http_port"),
        ("lazy: [1, 2", "is not YAML"),
        ("tls: {min_version: '1.1'}", "min_version"),
        ("tls: {default_certificates: [{pattern: '*', secret: nameless}]}", "namespace/name"),
    ],
)
def test_a_malformed_settings_file(new_gateway: NewGateway, text: str, words: str) -> None:
    """The message names the file or the setting; nothing is started."""
    gateway = new_gateway()
    wrong = gateway.folder / "wrong.yaml"
    wrong.write_text(text)
    gateway.args = ["--config", str(wrong)]
    gateway.launch()
    assert gateway.process is not None
    assert gateway.process.wait(15) in (1, 2)
    assert words in gateway.stderr()
    assert "Traceback" not in gateway.stderr()
    assert not processes.is_listening(gateway.http_port)


async def test_a_state_folder_that_cannot_be_used_is_a_warning(
    new_gateway: NewGateway, tmp_path: Path, echo_a: Echo
) -> None:
    (tmp_path / "file").write_text("")
    gateway = new_gateway(state=tmp_path / "file" / "below")
    site = with_host(gateway.start(), echo_a.port)
    await eventually(lambda: serves(site))
    assert "state folder" in gateway.stderr()
    assert gateway.stop() == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB. Only root may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> None:
    with (folder / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return


async def test_a_disk_that_is_full_at_the_start(new_gateway: NewGateway, small_disk: Path, echo_a: Echo) -> None:
    fill(small_disk)
    gateway = new_gateway(state=small_disk / "state")
    site = with_host(gateway.start(), echo_a.port)
    await eventually(lambda: serves(site))
    assert "No space left on device" in gateway.stderr()
    assert gateway.stop() == 0


async def test_a_disk_that_fills_later(new_gateway: NewGateway, small_disk: Path, echo_a: Echo) -> None:
    """Envoy is started again, changes arrive and the end is clean; what cannot be remembered is a warning."""
    gateway = new_gateway(state=small_disk / "state")
    site = with_host(gateway.start(), echo_a.port)
    await eventually(lambda: serves(site))
    fill(small_disk)
    os.kill(gateway.envoy_pid, signal.SIGKILL)
    await eventually(lambda: serves(site))
    site.ingress(name="more", host=f"more.{site.host}")
    await eventually(lambda: serves(site, host=f"more.{site.host}"))
    assert gateway.stop() == 0
    assert "hot.json cannot be written" in gateway.stderr()
    assert "Traceback" not in gateway.stderr()


@pytest.mark.parametrize(
    "junk", [b"", b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 4096, os.urandom(65536)]
)
async def test_junk_on_the_xds_socket(site: Site, echo_a: Echo, junk: bytes) -> None:
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(2)
            one.connect(str(site.gateway.state / "xds.sock"))
            try:
                one.sendall(junk)
            except OSError:
                continue
    site.backend("web", echo_a.port)
    site.ingress()
    await eventually(lambda: serves(site))


async def test_the_folder_of_manifests_is_removed_and_made_again(new_gateway: NewGateway, echo_a: Echo) -> None:
    gateway = new_gateway().start()
    site = with_host(gateway, echo_a.port)
    await eventually(lambda: serves(site))
    shutil.rmtree(gateway.manifests)
    await asyncio.to_thread(gateway.status, "/problems")
    gateway.manifests.mkdir()
    site = with_host(gateway, echo_a.port)
    site.ingress(name="after", host=f"after.{site.host}")
    await eventually(lambda: serves(site, host=f"after.{site.host}"))
    await serves(site)
    assert gateway.is_ready()


async def test_thousands_of_problems_do_not_slow_answers_or_changes(new_gateway: NewGateway, echo_a: Echo) -> None:
    wrong = [manifests.ingress(f"w{number}", "wrong", {f"w{number}.test": "nowhere:80"}) for number in range(3000)]
    gateway = new_gateway()
    gateway.apply(*wrong, file="wrong.json")
    site = with_host(gateway.start(60), echo_a.port)
    await eventually(lambda: serves(site))
    assert len(gateway.problems()) >= len(wrong)
    times = []
    for number in range(10):
        began = asyncio.get_running_loop().time()
        host = f"n{number}.{site.host}"
        site.ingress(name=f"n{number}", host=host)
        await eventually(lambda host=host: serves(site, host=host), 5)  # type: ignore[misc]
        times.append(asyncio.get_running_loop().time() - began)
    assert sorted(times)[5] < 0.5, times
    assert len(json.loads(gateway.status("/problems").text)) >= len(wrong)
    assert gateway.metric("sgw_problems") >= len(wrong)


def test_a_missing_binary_is_told(new_gateway: NewGateway, tmp_path: Path) -> None:
    gateway = new_gateway(settings={"envoy": {"binary": str(tmp_path / "no-envoy")}})
    with pytest.raises(GatewayEndedError, match=r"cannot execute .*/no-envoy: No such file"):
        gateway.start()
    assert "Traceback" not in gateway.stderr()
