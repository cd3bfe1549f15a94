"""Which policies hold at one object, and at its sections: of two of one kind at one place the older has it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec

from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.resources.meta import Origin
from sealos_gateway.translate.policies import merging
from sealos_gateway.translate.policies.said import Fields, Said


class Place(NamedTuple):
    """An object, and which of its sections matter; None: whichever there are."""

    origin: Origin
    sections: tuple[str, ...] | None = None


class Level(msgspec.Struct, frozen=True, gc=False):
    """What policies say at one place, or at several together."""

    fields: Fields = ()
    route_fields: Fields = ()
    client_tls: ClientTls | None = None
    closed: bool = False
    closes_host: bool = False
    #: Whose it is, for people.
    by: tuple[Origin, ...] = ()


class Attached(msgspec.Struct, frozen=True, gc=False):
    """Of one object: a level for each section that has one (empty: all of it), and who lost against whom."""

    levels: tuple[tuple[str, Level], ...] = ()
    #: (policy, section, the policy that has it)
    lost: tuple[tuple[Origin, str, Origin], ...] = ()
    #: Sections that are named and that the object has not.
    unknown: tuple[str, ...] = ()

    def at(self, section: str) -> Level | None:
        return next((level for name, level in self.levels if name == section), None)

    def chain(self, *sections: str) -> list[Level]:
        """The levels of these sections that there are, in this order."""
        found = (self.at(section) for section in dict.fromkeys(sections))
        return [level for level in found if level is not None]


def attached(origin: Origin, several: Iterable[Said], sections: Collection[str]) -> Attached:
    """`several` are the policies that name the object. One that protects a section which is not there protects all."""
    winners: dict[tuple[str, str], Said] = {}
    lost: list[tuple[Origin, str, Origin]] = []
    unknown: dict[str, None] = {}
    closing: list[Origin] = []
    for one in sorted(several, key=lambda it: it.age):
        for target in one.targets:
            if target.origin != origin:
                continue
            if target.section and target.section not in sections:
                unknown[target.section] = None
                closing += [one.origin] if one.origin.kind == "SecurityPolicy" else []
                continue
            winner = winners.setdefault((target.section, one.origin.kind), one)
            if winner is not one:
                lost.append((one.origin, target.section, winner.origin))
    by_section: dict[str, list[Said]] = {}
    for (section, _), one in sorted(winners.items(), key=lambda it: it[0]):
        by_section.setdefault(section, []).append(one)
    levels = {section: _level(several) for section, several in by_section.items()}
    if closing:
        levels[""] = joined([Level(closed=True, by=tuple(closing)), *([levels[""]] if "" in levels else [])])
    return Attached(tuple(sorted(levels.items(), key=lambda it: it[0])), tuple(lost), tuple(unknown))


def _level(several: list[Said]) -> Level:
    """Policies of different kinds, which have no field in common."""
    return Level(
        tuple(field for one in several for field in one.fields),
        tuple(field for one in several for field in one.route_fields),
        next((one.client_tls for one in several if one.client_tls is not None), None),
        any(one.closed for one in several),
        any(one.closes_host for one in several),
        tuple(one.origin for one in several if one.fields or one.route_fields or one.closed or one.client_tls),
    )


def joined(levels: list[Level]) -> Level:
    """Several levels as one, the most specific first."""

    def fields(name: str) -> Fields:
        return tuple(merging.merged([getattr(level, name) for level in levels]).items())

    return Level(
        fields("fields"),
        fields("route_fields"),
        next((level.client_tls for level in levels if level.client_tls is not None), None),
        any(level.closed for level in levels),
        any(level.closes_host for level in levels),
        tuple(dict.fromkeys(origin for level in levels for origin in level.by)),
    )
