"""Which backend a cluster's name stands for.

The name of a usual backend can be read back; that of one with a policy holds only a hash of it, so those keys are kept:
while the backend is in use, and the latest ones for some time after, because an Envoy may go on serving a cluster
whose routes it refused to exchange. No I/O, no clock.
"""

from __future__ import annotations

from typing import Any

from sealos_gateway.envoy import names
from sealos_gateway.model.keys import BackendKey

_RETIRED = 4096


class BackendNames:
    """Names to keys, for one domain."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._used: dict[str, BackendKey] = {}
        self._retired: dict[str, BackendKey] = {}  # the latest are last

    def changed(self, key: BackendKey, row: Any) -> None:
        """A backend is in use now (`row`), or no longer (None)."""
        if key.policy is None:
            return
        name = names.backend(key, self._domain)
        if row is not None:
            self._used[name] = key
            self._retired.pop(name, None)
        elif self._used.pop(name, None) is not None:
            self._retired[name] = key
            while len(self._retired) > _RETIRED:
                del self._retired[next(iter(self._retired))]

    def key(self, name: str) -> BackendKey:
        """The backend of a cluster; for a name with a policy that nobody knows, a key that no table has."""
        known = self._used.get(name) or self._retired.get(name)
        return known or names.parse_backend(name, self._domain)
