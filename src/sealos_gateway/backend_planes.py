"""On which data planes a backend belongs: those of whoever routes to it. A cluster is of no use to others.

Counted, never collected: a Service may have thousands of users, and each one that comes or goes must cost the same. No
I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from sealos_gateway.model.keys import BackendKey
from sealos_gateway.xds.planes import OWN

OWN_PLANE: Final = frozenset({OWN})
#: A backend, and a data plane that is not the gateway's own.
Use = tuple[BackendKey, str]


class BackendPlanes:
    """Users are told first by `counted`, and then all of them by `changed`.

    Most backends are only used by Ingresses: only those that a Gateway with a data plane of its own routes to are
    remembered.
    """

    def __init__(self) -> None:
        #: Called with a backend and the planes it belongs on now, when they are others than before.
        self.on_change: list[Callable[[BackendKey, frozenset[str]], None]] = []
        self._counts: dict[BackendKey, dict[str, int]] = {}
        self._moved: dict[BackendKey, frozenset[str]] = {}

    def counted(self, use: Use, number: int | None) -> None:
        """So many users on a plane that is not our own have a backend; None: no more."""
        key, plane = use
        if number:
            self._counts.setdefault(key, {})[plane] = number
            return
        counts = self._counts.get(key, {})
        counts.pop(plane, None)
        if not counts:
            self._counts.pop(key, None)

    def changed(self, key: BackendKey, users: Collection[Any] | None) -> None:
        """A backend has these users, wherever they are."""
        counts = self._counts.get(key, {})
        own = len(users or ()) > sum(counts.values()) or not counts
        planes = frozenset(counts) | OWN_PLANE if own else frozenset(counts)
        before = self.of(key)
        if users and planes != OWN_PLANE:
            self._moved[key] = planes
        else:
            self._moved.pop(key, None)  # a row that never was is not dropped either: nothing else takes it back
        if planes != before:
            for call in self.on_change:
                call(key, planes)

    def of(self, key: BackendKey) -> frozenset[str]:
        """The planes a backend belongs on."""
        return self._moved.get(key, OWN_PLANE)
