"""Many small applications over many namespaces, each with an endpoint that is replaced now and then."""

from __future__ import annotations

import itertools
import random
from typing import Final

from bench.gatewayapi import objects
from bench.gatewayapi.objects import Object
from bench.gatewayapi.place import Place

NAMESPACES: Final = 50


class Apps:
    """So many apps over the namespaces `<prefix>-0` … Their endpoints are pods behind the Service `backend`, of which
    there must be two or more: otherwise a replaced endpoint is the one before."""

    def __init__(self, prefix: str, size: int, addresses: list[str]) -> None:
        if len(set(addresses)) < 2:
            raise ValueError(f"endpoints that change need two addresses, there are {addresses}")
        self._addresses = addresses
        self.namespaces = [f"{prefix}-{number}" for number in range(NAMESPACES)]
        self.apps = [(self.namespaces[number % NAMESPACES], f"app-{number}") for number in range(size)]
        self._weights = itertools.count(2)
        self._turn: dict[str, int] = {}

    def made(self, where: Place) -> None:
        """Create the namespaces."""
        for name in self.namespaces:
            where.create({"kind": "Namespace", "metadata": {"name": name}})

    def backend(self, namespace: str, app: str) -> list[Object]:
        """Service and endpoint of one."""
        return [objects.service(app, namespace), objects.endpoints(app, self._addresses[0], namespace)]

    def one(self) -> tuple[str, str]:
        """Namespace and name of any."""
        return random.choice(self.apps)

    def another_weight(self) -> int:
        """One that was not there yet."""
        return next(self._weights)

    def another_endpoint(self) -> Object:
        """A pod that was replaced by one with another address."""
        namespace, app = self.one()
        self._turn[app] = turn = self._turn.get(app, 0) + 1
        return objects.endpoints(app, self._addresses[turn % len(self._addresses)], namespace)
