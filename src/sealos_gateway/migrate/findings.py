"""What a migration finds, as values."""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec


class Severity(enum.IntEnum):
    """Also the exit status of `sgw migrate`."""

    WORKS = 0
    DIFFERS = 1
    REFUSED = 2


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing about one object; `message` says what is different, and what to do. Nothing is said of what works."""

    severity: Severity
    field: str
    message: str
    object: str


class Report(msgspec.Struct, frozen=True):
    """`works` counts annotations and keys that need no word."""

    source: str
    ingresses: int = 0
    hosts: int = 0
    works: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def severity(self) -> Severity:
        """The worst there is."""
        return max((finding.severity for finding in self.findings), default=Severity.WORKS)

    def count(self, severity: Severity) -> int:
        return self.works if severity is Severity.WORKS else sum(it.severity is severity for it in self.findings)

    def as_json(self) -> bytes:
        """All of it; severities in words."""
        found = {
            "from": self.source,
            "severity": self.severity.name.lower(),
            "ingresses": self.ingresses,
            "hosts": self.hosts,
            **{severity.name.lower(): self.count(severity) for severity in Severity},
            "findings": [
                {"severity": it.severity.name.lower(), "object": it.object, "field": it.field, "message": it.message}
                for it in self.findings
            ],
        }
        return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


class Group(msgspec.Struct, frozen=True):
    """The same thing about several objects."""

    severity: Severity
    field: str
    message: str
    objects: tuple[str, ...]


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """The worst first, then what concerns most objects: thousands of objects often share one line."""
    found: dict[tuple[Severity, str, str], dict[str, None]] = {}
    for it in findings:
        found.setdefault((it.severity, it.field, it.message), {})[it.object] = None
    groups = [Group(*key, tuple(objects)) for key, objects in found.items()]
    return sorted(groups, key=lambda it: (-it.severity, -len(it.objects), it.field, it.message))
