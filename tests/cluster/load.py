"""Clients that ask without a pause while something changes, and what they were answered."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.cluster.harness import eventually


@dataclass
class Load:
    """Answers by kind of client and outcome: a status, or how the request failed."""

    url: str
    host: str
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)

    def lost(self) -> dict[tuple[str, str], int]:
        """Everything but 200."""
        return {outcome: number for outcome, number in self.found.items() if outcome[1] != "200"}

    def total(self) -> int:
        return self.found.total()

    def more(self, number: int) -> None:
        """Return when so many more were answered."""
        wanted = self.total() + number
        eventually(lambda: self.total() >= wanted)

    def fresh(self) -> None:
        """A connection for each request."""
        while not self._stop.is_set():
            with self._client() as client:
                self._ask(client, "fresh", "/")

    def kept(self) -> None:
        """One connection for as long as the server lets it live."""
        with self._client() as client:
            while not self._stop.is_set():
                self._ask(client, "kept", "/")

    def slow(self) -> None:
        """Requests that are under way for seconds, so that some are when a pod is told to end."""
        while not self._stop.is_set():
            with self._client() as client:
                self._ask(client, "slow", "/?delay=3")

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"host": self.host}, timeout=20, trust_env=False)

    def _ask(self, client: httpx.Client, kind: str, path: str) -> None:
        try:
            outcome = str(client.get(path).status_code)
        except httpx.HTTPError as error:
            outcome = repr(error)
        self.found[kind, outcome] += 1

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def load(url: str, host: str) -> Iterator[Load]:
    """Eight clients of each kind's temper, until the block is left."""
    found = Load(url, host)
    kinds = [found.fresh, found.fresh, found.kept, found.kept, *[found.slow] * 4]
    threads = [threading.Thread(target=kind, daemon=True) for kind in kinds]
    for thread in threads:
        thread.start()
    try:
        found.more(50)
        yield found
        found.more(50)
    finally:
        found.stop()
        for thread in threads:
            thread.join(30)
