"""The reference pages say what the code says, and the list of annotations is complete."""

import re
from pathlib import Path

import msgspec
import pytest

from sealos_gateway import reference
from sealos_gateway.resources import annotations as known

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "sealos_gateway"


def test_pages_are_up_to_date() -> None:
    assert reference.stale(ROOT / "docs") == []


def test_check_names_stale_and_missing_pages_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.md").write_text("old")
    assert reference.main([str(tmp_path), "--check"]) == 1
    told = capsys.readouterr().err
    assert "settings.md is stale" in told
    assert "annotations.md is stale" in told
    assert (tmp_path / "settings.md").read_text() == "old"
    assert not (tmp_path / "annotations.md").exists()


def test_written_pages_pass_the_check(tmp_path: Path) -> None:
    assert reference.main([str(tmp_path)]) == 0
    assert reference.main([str(tmp_path), "--check"]) == 0


def test_settings_page_shows_type_default_and_words() -> None:
    page = reference.settings_page()
    assert "### `http_port`\n\nwhole number, default `8080`\n\nThe port of plain HTTP.\n" in page
    assert 'one of `shared`, `first-namespace`, default `"shared"`' in page
    assert "### `tls.default_certificates[].secret`\n\ntext, required\n" in page


def test_a_comment_of_several_lines_becomes_one_text_and_is_not_mixed_with_its_neighbours() -> None:
    source = (
        "class A:\n    # First\n    # half.\n    one: int = 1\n    two: int = 2\n\n    # Third.\n    three: int = 3\n"
    )
    words = reference.comments(source)
    assert words == {("A", "one"): "First half.", ("A", "two"): "", ("A", "three"): "Third."}


def test_a_setting_without_a_comment_is_an_error() -> None:
    class Bare(msgspec.Struct):
        silent: int = 1

    with pytest.raises(reference.UndocumentedError, match=r"bare\.silent"):
        list(reference.of_group(Bare, "bare.", {}))


def _other_sources() -> str:
    listed = SOURCE / "resources" / "annotations.py"
    return "\n".join(path.read_text() for path in SOURCE.rglob("*.py") if path != listed)


def test_code_asks_for_annotations_only_by_the_constants_of_the_list() -> None:
    asked = re.findall(r"\.annotation\(([^)]*)\)", _other_sources())
    constants = {name for name, value in vars(known).items() if isinstance(value, known.Annotation)}
    assert {f"{name}.name" for name in constants} == set(asked)
    assert {getattr(known, name) for name in constants} == set(known.ALL)
