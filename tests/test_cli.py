"""The commands that only look, as a user types them: what they print, and how they end."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from sealos_gateway.cli import app

GOOD = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: CLASS
  rules:
  - host: a.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.0.0.1]}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "manifests"
    made.mkdir()
    (made / "web.yaml").write_text(GOOD.replace("CLASS", "sealos"))
    return made


def sgw(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_check_of_good_manifests(folder: Path) -> None:
    found = sgw("check", "-f", folder)
    assert found.exit_code == 0
    assert found.stdout == ""
    assert "0 problems; 1 hosts, 1 backends" in found.stderr


def test_check_says_object_field_and_reason(folder: Path) -> None:
    (folder / "bad.yaml").write_text(
        GOOD.replace("CLASS", "sealos").replace("name: web,", "name: bad,", 1).replace("a.example.com", "a b")
    )
    found = sgw("check", "-f", folder / "bad.yaml")
    assert found.exit_code == 1
    assert found.stdout.startswith("Ingress shop/bad spec.rules[0].host: InvalidHost: 'a b' is not a DNS name")
    assert "1 problems" in found.stderr


def test_check_names_file_and_line_of_what_cannot_be_read(folder: Path) -> None:
    path = folder / "broken.yaml"
    path.write_text("kind: Ingress\nmetadata: [\n")
    found = sgw("check", "-f", folder)
    assert found.exit_code == 1
    assert str(path) in found.stdout
    assert "line" in found.stdout
    assert "1 hosts" in found.stderr, "the others are still served"


def test_check_writes_no_control_character(folder: Path) -> None:
    text = GOOD.replace("CLASS", "sealos").replace(
        "service: {name: web,", 'service: {name: "\\e[2J\\nError: x [bold]",'
    )
    (folder / "web.yaml").write_text(text)
    found = sgw("check", "-f", folder)
    assert found.exit_code == 1
    assert "\x1b" not in found.stdout
    assert len(found.stdout.splitlines()) == 1
    assert "[bold]" in found.stdout


@pytest.mark.parametrize("command", [("check",), ("translate",), ("explain", "http://a.com"), ("run",)])
def test_a_folder_that_is_not_there(command: tuple[str, ...], tmp_path: Path) -> None:
    found = sgw(*command, "-f", tmp_path / "none")
    assert found.exit_code == 2
    assert f"{tmp_path / 'none'}: no such file or folder" in found.stderr


@pytest.mark.parametrize("command", [("check",), ("translate",), ("explain", "http://a.com"), ("run",)])
def test_a_bad_settings_file_names_the_setting(command: tuple[str, ...], folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad-settings.yaml"
    bad.write_text("http: {max_request_headers_kb: 9000}")
    found = sgw(*command, "-f", folder, "--config", bad)
    assert found.exit_code == 2
    assert "bad-settings.yaml: http.max_request_headers_kb: 9000" in found.stderr


def test_a_default_certificate_that_names_no_secret(folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("tls: {default_certificates: [{pattern: '*', secret: x}]}")
    found = sgw("check", "-f", folder, "--config", bad)
    assert found.exit_code == 2
    assert "tls.default_certificates" in found.stderr


@pytest.mark.parametrize("option", ["--http-port", "--https-port", "--status-port"])
def test_a_port_that_is_none(option: str, folder: Path) -> None:
    found = sgw("run", "-f", folder, option, "70000")
    assert found.exit_code == 2
    assert f"{option.removeprefix('--').replace('-', '_')}: 70000" in found.stderr


def test_commands_need_to_know_where_to_look() -> None:
    assert sgw("check").exit_code == 2
    found = sgw("explain", "http://a.com")
    assert found.exit_code == 2
    assert "-f DIR or --live" in found.stderr


def test_translate_as_json_and_yaml_is_the_same(folder: Path) -> None:
    as_json, as_yaml = sgw("translate", "-f", folder, "-o", "json"), sgw("translate", "-f", folder, "-o", "yaml")
    assert as_json.exit_code == as_yaml.exit_code == 0
    found = json.loads(as_json.stdout)
    assert found == yaml.safe_load(as_yaml.stdout)
    assert [entry["object"] for entry in found] == ["Settings", "Ingress shop/web", "Service shop/web"]


def test_translate_to_something_else(folder: Path) -> None:
    found = sgw("translate", "-f", folder, "-o", "xml")
    assert found.exit_code == 2
    assert "json or yaml" in found.stderr


def test_a_further_class_does_not_take_ours_away(folder: Path) -> None:
    (folder / "other.yaml").write_text(
        GOOD.split("---", maxsplit=1)[0].replace("CLASS", "nginx").replace("web,", "other,").replace("a.ex", "b.ex")
    )
    assert "1 hosts" in sgw("check", "-f", folder).stderr
    assert "2 hosts" in sgw("check", "-f", folder, "--ingress-class", "nginx").stderr


def test_explain_in_words(folder: Path) -> None:
    found = sgw("explain", "http://a.example.com/x", "-f", folder)
    assert found.exit_code == 0
    for words in ("Ingress shop/web", "forwarded", "10.0.0.1:8080", "Service shop/web port 80 (http/1.1)", "Prefix /"):
        assert words in found.stdout


def test_explain_as_json(folder: Path) -> None:
    found = json.loads(sgw("explain", "http://a.example.com/x", "-f", folder, "-o", "json").stdout)
    assert found["answer"] == "forwarded"
    assert found["endpoints"] == ["10.0.0.1:8080"]


def test_explain_of_what_is_no_url(folder: Path) -> None:
    for url in ("ftp://x", "http://[::1"):
        found = sgw("explain", url, "-f", folder)
        assert found.exit_code == 2
        assert "is not a URL" in found.stderr


def test_explain_without_a_gateway(free_port: int) -> None:
    found = sgw("explain", "http://a.com", "--live", "--status-port", str(free_port))
    assert found.exit_code == 1
    assert f"no gateway answers on 127.0.0.1:{free_port}" in found.stderr


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_files_are_as_good_as_folders_and_may_be_given_several_times(folder: Path) -> None:
    parts = GOOD.replace("CLASS", "sealos").split("---\n")
    words: list[str | Path] = ["check"]
    for number, part in enumerate(parts):
        path = folder.parent / f"{number}.yaml"
        path.write_text(part)
        words += ["-f", path]
    found = sgw(*words)
    assert found.exit_code == 0, found.stdout


def test_the_program_itself(folder: Path) -> None:
    """As a process: what is installed as `sgw`."""
    program = Path(sys.executable).with_name("sgw")
    done = subprocess.run(
        [program, "check", "-f", folder],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_COLOR": "1"},
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_a_state_folder_too_deep_for_sockets_is_told(folder: Path, tmp_path: Path) -> None:
    found = sgw("run", "-f", folder, "--state-dir", tmp_path / ("x" * 120))
    assert found.exit_code == 1
    assert "state_dir" in found.stderr
    assert "too long for a Unix socket" in found.stderr
