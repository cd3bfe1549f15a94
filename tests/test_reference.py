"""The reference pages say what the code says, and the list of annotations is complete."""

import re
from pathlib import Path

import msgspec
import pytest

from sealos_gateway import reference
from sealos_gateway.resources.annotations import every
from sealos_gateway.resources.annotations.entry import Annotation, Verdict

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


def test_every_annotation_is_listed_once_and_says_what_it_does() -> None:
    names = [name for entry in every.ALL for name in entry.names]
    assert len(names) == len(set(names))
    assert all(entry.meaning and entry.default and entry.values for entry in every.ALL)
    assert all(entry.note for entry in every.ALL if entry.verdict in (Verdict.DIFFERS, Verdict.REFUSED))


def test_the_test_that_shows_an_annotation_exists() -> None:
    for entry in every.ALL:
        file, _, function = entry.test.partition("::")
        assert not file or (ROOT / file).is_file(), entry
        assert not function or f"def {function}(" in (ROOT / file).read_text(), entry


def test_code_asks_for_annotations_only_by_the_constants_of_the_list() -> None:
    text = "\n".join(path.read_text() for path in SOURCE.rglob("*.py") if path.parent.name != "annotations")
    assert all(name.endswith(".name") for name in re.findall(r"\.annotation\(([^)]*)\)", text))


def test_every_annotation_is_used() -> None:
    """An entry that no code names would be ignored silently."""
    text = "\n".join(path.read_text() for path in SOURCE.rglob("*.py") if "resources/annotations" not in str(path))
    unread = {Verdict.NOTHING, Verdict.REFUSED}
    constants = [
        name for family in every.FAMILIES for name, value in vars(family).items()
        if isinstance(value, Annotation) and value.verdict not in unread
    ]  # fmt: skip
    words = set(re.findall(r"\b[A-Z][A-Z0-9_]*\b", text))
    assert [name for name in constants if name not in words] == []
