"""Whether somebody with a token is a node, and which: the question, whoever answers it."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class RefusedError(Exception):
    """No. The message is for both sides: it names what is wrong and what to do, never the token."""


class UndecidedError(Exception):
    """Nobody can tell at present; ask again."""


class Proven(NamedTuple):
    """What a token proves: the name of a node, and the gateway whose configuration it may read."""

    node: str
    gateway: str


class Reviewer(Protocol):
    """A way to check tokens."""

    async def review(self, token: str, node: str) -> Proven:
        """Whose token this is; `node` is what it calls itself.

        Raises RefusedError, UndecidedError.
        """
