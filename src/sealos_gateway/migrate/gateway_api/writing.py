"""New objects as text: YAML for people, a file for each namespace, with the origin of each object above it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import yaml

from sealos_gateway.migrate.gateway_api.objects import FROM, Written


class _Dumper(yaml.SafeDumper):
    """Without anchors: a part that occurs twice is written twice, for people to change one of them."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def text(objects: Iterable[Written]) -> str:
    """A stream of documents."""
    return "".join(f"---\n{_comment(one)}{_yaml(one)}" for one in objects)


def _comment(one: Written) -> str:
    origins = one["metadata"].get("annotations", {}).get(FROM, "")
    return f"# from {origins}\n" if origins else ""


def _yaml(one: Written) -> str:
    found: str = yaml.dump(one, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return found


def write(folder: Path, objects: Iterable[Written]) -> list[Path]:
    """`<namespace>.yaml` for each namespace, in a folder that is made where there is none. What another run has left
    there and this one does not write stays. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    ordered = sorted(objects, key=lambda it: str(it["metadata"]["namespace"]))  # stable: the order within one stays
    for namespace, group in itertools.groupby(ordered, key=lambda it: str(it["metadata"]["namespace"])):
        path = folder / f"{namespace}.yaml"
        path.write_text(text(group), encoding="utf-8")
        found.append(path)
    return found
