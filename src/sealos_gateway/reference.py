"""Reference pages made from the code, so that they cannot say anything else: `python -m sealos_gateway.reference docs`.

`docs/settings.md` comes from `settings.py`: names, types and defaults from the values, the words from the comment
above each attribute. `docs/annotations.md` comes from `resources/annotations`. The settings that the chart accepts,
a part of its `values.schema.json`, come from `settings.py`, too. With `--check` nothing is written, and stale pages
fail. A tool for developers: nothing imports it.
"""

from __future__ import annotations

import argparse
import ast
import enum
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from sealos_gateway import policy_reference, settings
from sealos_gateway.resources.annotations import every
from sealos_gateway.resources.annotations.entry import NGINX, SEALOS, Annotation

_MADE = "<!-- Made by `make docs` from {source}: edit there, not here. -->"
_INLINE = 80  # a longer default gets lines of its own
_KINDS = {str: "text", int: "whole number", float: "number", bool: "true or false", dict[str, str]: "map of texts"}

CHART_SCHEMA = Path("deploy/helm/sealos-gateway/values.schema.json")
#: What the chart decides itself: a Service or a probe would not fit to another value.
_OF_THE_CHART = ("http_port", "https_port", "status_port", "status_address", "state_dir")

Group = type[msgspec.Struct]
Comments = dict[tuple[str, str], str]


class UndocumentedError(Exception):
    """The code leaves something out that the pages have to say."""


class Setting(NamedTuple):
    """One setting; `default` is JSON, or empty where there is none."""

    path: str
    kind: str
    default: str
    words: str


def comments(source: str) -> Comments:
    """What is written directly above each attribute, by class and attribute."""
    lines = source.splitlines()
    found: Comments = {}
    for group in ast.parse(source).body:
        if isinstance(group, ast.ClassDef):
            for node in group.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    found[group.name, node.target.id] = " ".join(_above(lines, node.lineno))
    return found


def _above(lines: list[str], number: int) -> list[str]:
    first = number - 1
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return [line.lstrip().removeprefix("#").strip() for line in lines[first : number - 1]]


def _default(field: Any) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def of_group(group: Group, prefix: str, words: Comments) -> Iterator[Setting]:
    """The settings of one group and of the groups in its lists. Raises UndocumentedError for one without words."""
    for field in msgspec.structs.fields(group):
        if _is_group(field.type):
            continue
        path = f"{prefix}{field.name}"
        if not words.get((group.__name__, field.name)):
            raise UndocumentedError(f"{path}: write a comment above it in settings.py")
        default = "" if field.required else json.dumps(msgspec.to_builtins(_default(field)), ensure_ascii=False)
        yield Setting(path, _kind(field.type), default, words[group.__name__, field.name])
        for inner in get_args(field.type):
            if _is_group(inner):
                yield from of_group(inner, f"{path}[].", words)


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _kind(kind: Any) -> str:
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return "list of entries" if _is_group(inner) else f"list of {_kind(inner)}"
    if issubclass(kind, enum.Enum):
        return "one of " + ", ".join(f"`{member.value}`" for member in kind)
    return _KINDS[kind]


def settings_page() -> str:
    """docs/settings.md."""
    words = comments(Path(settings.__file__).read_text(encoding="utf-8"))
    lines = [
        _MADE.format(source="src/sealos_gateway/settings.py"),
        "# Settings",
        "`sgw run --config FILE` reads a YAML or JSON file. It holds only what differs from the defaults. An unknown"
        " name or a value of the wrong type is an error: nothing is ignored silently. Options of the command line"
        " (`sgw run --help`) win over the file.",
        "## Top level",
        *_listed(of_group(settings.Settings, "", words)),
    ]
    for field in msgspec.structs.fields(settings.Settings):
        if _is_group(field.type):
            lines += [f"## {field.name}", _first_line(field.type)]
            lines += _listed(of_group(field.type, f"{field.name}.", words))
    return "\n\n".join(lines) + "\n"


def _first_line(group: Group) -> str:
    return (group.__doc__ or "").strip().partition("\n")[0]


def _listed(found: Iterator[Setting]) -> Iterator[str]:
    for setting in found:
        yield f"### `{setting.path}`"
        if not setting.default:
            yield f"{setting.kind}, required"
        elif len(setting.default) <= _INLINE:
            yield f"{setting.kind}, default `{setting.default}`"
        else:
            pretty = json.dumps(json.loads(setting.default), indent=2, ensure_ascii=False)
            yield f"{setting.kind}, default:\n\n```json\n{pretty}\n```"
        yield setting.words


def annotations_page() -> str:
    """docs/annotations.md."""
    lines = [
        _MADE.format(source="src/sealos_gateway/resources/annotations"),
        "# Annotations",
        f"What begins with `{NGINX}` may also be written with `{SEALOS}` or `higress.io/` in front; where several"
        f" spellings of one are present, `{SEALOS}` wins, then `{NGINX}`. A name in one of these three domains that is"
        " not listed is reported as a problem of the object, never ignored silently.",
        "*works*: as in the gateway it comes from. *differs*: with the difference that is told. *refused*: reported,"
        " with what to write instead. *no meaning*: nothing here needs it; accepted without a word. An annotation that"
        " protects something is *closed*: with a value that cannot be honoured the routes answer 503 instead of"
        " standing open.",
        "\n".join(_annotation_table(every.ALL)),
    ]
    return "\n\n".join(lines) + "\n"


def _annotation_table(entries: Sequence[Annotation]) -> Iterator[str]:
    yield "| annotation | on | verdict | values | where it is absent | meaning | shown by |"
    yield "|---|---|---|---|---|---|---|"
    for a in entries:
        verdict = a.verdict.value + (", closed" if a.closed else "")
        meaning = f"{a.meaning} {a.note}".rstrip()
        shown = f"`{a.test}`" if a.test else ""
        yield f"| `{a.name}` | {a.kind} | {verdict} | {a.values} | {a.default} | {meaning} | {shown} |"


def chart_schema(before: str) -> str:
    """The JSON schema of the chart's values, with the settings in it as they are now.

    The definitions in capitals are made here; everything else is kept as it is written in the file.
    """
    schema = json.loads(before)
    kept = {name: part for name, part in schema["$defs"].items() if not name[0].isupper()}
    made = msgspec.json.schema(settings.Settings)["$defs"]
    for name in _OF_THE_CHART:
        del made["Settings"]["properties"][name]
    schema["$defs"] = kept | {name: _bare(part) for name, part in sorted(made.items())}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _bare(part: Any) -> Any:
    """Without prose and defaults: those are in docs/settings.md."""
    bare = {name: value for name, value in part.items() if name not in ("title", "description", "default")}
    if "properties" in bare:
        bare["properties"] = {name: _bare(value) for name, value in bare["properties"].items()}
    return bare


def pages(folder: Path) -> dict[Path, str]:
    """Path to text: the pages in the folder `docs`, and what is made of the chart beside it, where there is one."""
    made = {
        folder / "settings.md": settings_page(),
        folder / "annotations.md": annotations_page(),
        folder / "policies.md": policy_reference.page(),
    }
    schema = folder.absolute().parent / CHART_SCHEMA
    if schema.is_file():
        made[schema] = chart_schema(schema.read_text(encoding="utf-8"))
    return made


def stale(folder: Path) -> list[Path]:
    """The files that are missing or differ from what the code says now."""
    wanted = pages(folder).items()
    return [path for path, text in wanted if not path.is_file() or path.read_text(encoding="utf-8") != text]


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or check them; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sealos_gateway.reference", description="Write reference pages.")
    parser.add_argument("folder", type=Path, help="the folder of the pages (docs)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is stale")
    options = parser.parse_args(arguments)
    if options.check:
        behind = stale(options.folder)
        for path in behind:
            sys.stderr.write(f"{path} is stale: run `make docs`\n")
        return 1 if behind else 0
    for path, text in pages(options.folder).items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
