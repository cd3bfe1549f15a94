"""Nothing that ingress-nginx knows is ignored silently: every one of its annotations has an entry with a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from sealos_gateway.resources.annotations import every
from sealos_gateway.resources.annotations.entry import NGINX, Verdict

#: The 136 of ingress-nginx 1.15, and two older spellings.
NAMES = Path(__file__).with_name("ingress_nginx_annotations.txt").read_text(encoding="utf-8").split()


def test_the_list_is_whole() -> None:
    assert len(set(NAMES)) == 138


@pytest.mark.parametrize("name", NAMES)
def test_it_is_listed_as_working_differing_refused_or_without_meaning(name: str) -> None:
    entry = every.find(NGINX + name)
    assert entry is not None
    assert entry.verdict is Verdict.NOTHING or entry.test or entry.note, (
        "it says neither what shows it nor what differs"
    )
