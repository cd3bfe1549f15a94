"""The Dockerfile, as far as it can be checked without an engine that builds it."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path

import yaml

from tests.node.test_privileges import MARK

ROOT = Path(__file__).parents[1]


def instructions() -> list[tuple[str, str]]:
    """Each instruction and the rest of its line, lines that go on joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def of(kind: str) -> list[str]:
    return [rest for name, rest in instructions() if name == kind]


def sent_to_the_builder(path: str) -> bool:
    """Whether .dockerignore lets the path through: the last pattern that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and fnmatch.fnmatch(path, pattern):
            sent = line.startswith("!")
    return sent


def test_everything_that_is_copied_exists_and_is_sent_to_the_builder() -> None:
    sources = [word for rest in of("COPY") if not rest.startswith("--from") for word in rest.split()[:-1]]
    assert "src" in sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert sent_to_the_builder(source), source
    assert not sent_to_the_builder("tests")
    assert not sent_to_the_builder(".git")


def test_what_the_package_is_built_from_is_copied() -> None:
    """pyproject.toml names these; without them the installation in the image fails."""
    project = (ROOT / "pyproject.toml").read_text()
    named = re.findall(r'^readme = "(.*)"|^license-files = \["(.*)"\]', project, re.MULTILINE)
    copied = " ".join(of("COPY"))
    assert named
    assert all("".join(pair) in copied for pair in named)


def test_both_stages_have_the_same_base_and_versions_are_build_arguments() -> None:
    bases = [rest.split()[0] for rest in of("FROM")]
    assert len(bases) == 2
    assert set(bases) == {"python:${PYTHON}-slim-${DEBIAN}"}
    assert "PYTHON=3.11" in of("ARG"), "the version that the tests run on"


def test_the_image_runs_as_the_user_of_the_chart() -> None:
    values = (ROOT / "deploy/helm/sealos-gateway/templates/_helpers.tpl").read_text()
    user = re.search(r"runAsUser: (\d+)", values)
    assert user
    assert of("USER") == [f"{user[1]}:{user[1]}"]


def test_the_interpreter_that_the_entry_point_uses_carries_the_capability() -> None:
    (entry,) = of("ENTRYPOINT")
    assert json.loads(entry) == ["/opt/sgw/bin/sgw"]
    mark = next(rest for rest in of("RUN") if "setxattr" in rest)
    program = json.loads(mark)[2]
    set_by: list[tuple[str, str, bytes]] = []

    class Recorder:
        @staticmethod
        def setxattr(path: str, name: str, value: bytes) -> None:
            set_by.append((path, name, value))

    body = program.removeprefix("import os, struct; ")
    exec(body, {"os": Recorder, "struct": __import__("struct")})
    assert set_by == [("/opt/sgw/bin/python", "security.capability", MARK)]


def test_the_environment_builder_makes_the_interpreter_a_file_of_its_own() -> None:
    """A symbolic link would put the capability on the system's Python."""
    assert any("venv --copies /opt/sgw" in rest for rest in of("RUN"))
    assert any("--only-binary=:all: --constraint constraints.txt ." in rest for rest in of("RUN"))


def test_the_chart_has_the_version_of_the_package() -> None:
    chart = yaml.safe_load((ROOT / "deploy/helm/sealos-gateway/Chart.yaml").read_text())
    project = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert project
    assert chart["appVersion"] == project[1]
