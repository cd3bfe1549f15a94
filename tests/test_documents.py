"""What documents name exists: files, links and their headings, words of `make`, commands of `sgw`, settings, parts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from sealos_gateway import cli

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "sealos_gateway"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")])
#: Those that show the code to who comes new: what stands there between backticks and looks like a path is one.
ABOUT_CODE = [ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md")]
#: Where a path in a document may begin.
BASES = (ROOT, PACKAGE, PACKAGE / "envoy", PACKAGE / "translate", PACKAGE / "migrate", ROOT / "tests")
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
_FILE = re.compile(r"(?!sealos\.io/)[\w.*-]+(?:/[\w.*-]*)+|[\w-]+\.(?:py|md|toml|ya?ml|txt|sh)")
_PART = re.compile(r"([a-z_]+)\.[a-z_.]+")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def named(paths: list[Path]) -> list[object]:
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in paths]


def code(text: str) -> Iterator[str]:
    """What stands in blocks of code, and between backticks."""
    yield from _FENCE.findall(text)
    yield from re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))


def anchors(path: Path) -> set[str]:
    """The headings of a document, as they are written in links."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", named(DOCUMENTS))
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in _LINK.findall(_FENCE.sub("", path.read_text(encoding="utf-8"))):
        found = path.parent / target if target else path
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), f"{target}#{anchor}"


@pytest.mark.parametrize("path", named(DOCUMENTS))
def test_words_of_make_and_commands_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = get_command(cli.app).commands  # type: ignore[attr-defined]
    for part in code(path.read_text(encoding="utf-8")):
        for word in re.findall(r"(?:^|[;&|$(] ?)make ([a-z][a-z-]*)", part, re.MULTILINE):
            assert re.search(rf"^{word}:", makefile, re.MULTILINE), f"make {word}"
        for word in re.findall(r"(?:^|[/ ])sgw ([a-z][a-z-]*)", part, re.MULTILINE):
            assert word in commands, f"sgw {word}"


@pytest.mark.parametrize("path", named(ABOUT_CODE))
def test_files_and_parts_exist(path: Path) -> None:
    settings = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for part in re.findall(r"`([^`\n]+)`", _FENCE.sub("", path.read_text(encoding="utf-8"))):
        if _FILE.fullmatch(part):
            assert any(list(base.glob(part.rstrip("/"))) for base in BASES), part
        elif _PART.fullmatch(part) and (PACKAGE / part.partition(".")[0]).is_dir():
            names = part.split(".")
            assert any(_is_module(names[:length]) for length in (len(names), len(names) - 1)) or part in settings, part


def _is_module(names: list[str]) -> bool:
    place = PACKAGE.joinpath(*names)
    return (place.is_dir() and len(names) > 1) or place.with_suffix(".py").exists()


def test_the_map_has_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    for room in rooms:
        if room.name != "__init__.py":
            assert f"`{room.name}{'/' * room.is_dir()}`" in text, room.name


def test_the_floors_are_those_that_are_enforced() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (shown,) = (block for block in _FENCE.findall(text) if "__main__" in block)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    enforced = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert [line.strip() for line in shown.splitlines()[1:-1]] == enforced
