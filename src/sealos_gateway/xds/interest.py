"""What one client wants to hear about one type: names, everything, and which rows answer to a name.

A subscribed name may be answered by rows of other names (`Presentation.candidates`); a reverse map keeps the cost of a
changed row at the number of names it can answer. Pure; what the client has or is owed is not known here.
"""

from collections.abc import Iterator

from sealos_gateway.xds.messages import AsIs, Presentation, Resource
from sealos_gateway.xds.snapshot import Row, Snapshot, content_version


class Interest:
    """The names of one subscription, and how rows are seen through it."""

    def __init__(self, snapshot: Snapshot, type_: str, hooks: Presentation | None, hot: frozenset[str]) -> None:
        self.wildcard = False
        self.pinned: set[str] = set()  # lazy rows that the client needs without knowing it
        self.names: dict[str, tuple[str, ...]] = {}  # subscribed by name -> rows that may answer; newest last
        self.invented: dict[str, None] = {}  # those of them that are made up by whoever sends traffic; newest last
        self._snapshot, self._type, self._hot = snapshot, type_, hot
        self._hooks: Presentation = hooks or AsIs()
        self._tags_hot = hooks is not None
        self._answers: dict[str, dict[str, None]] = {}  # row name -> other names it may answer

    def subscribe(self, name: str) -> None:
        self.names.pop(name, None)
        self.names[name] = self._hooks.candidates(self._type, name)
        if self._hooks.invented(self._type, name):
            self.invented.pop(name, None)
            self.invented[name] = None
        for row_name in self.names[name]:
            if row_name != name:
                self._answers.setdefault(row_name, {})[name] = None

    def unsubscribe(self, name: str) -> bool:
        """Forget a name; False when it was not subscribed."""
        if name not in self.names:
            return False
        self.invented.pop(name, None)
        for row_name in self.names.pop(name):
            if row_name in self._answers:
                self._answers[row_name].pop(name, None)
                if not self._answers[row_name]:
                    del self._answers[row_name]
        return True

    def covers(self, name: str, row: Row) -> bool:
        """Whether a wildcard alone brings this row: lazy ones come only when asked for, when they are hot or pinned."""
        return self.wildcard and (not row.lazy or name in self._hot or name in self.pinned)

    def aliases(self, row_name: str) -> Iterator[str]:
        """Subscribed names, other than its own, that this row may answer."""
        yield from self._answers.get(row_name, ())

    def candidates(self, name: str) -> tuple[str, ...]:
        """The row names that can answer a name, best first."""
        return self.names.get(name) or (name,)

    def newest(self, name: str) -> int:
        """The newest revision of the living rows that can answer a name; 0 when there are none."""
        newest = 0
        for row_name in self.candidates(name):
            row = self._snapshot.peek(self._type, row_name)
            if row is not None and row.alive:
                newest = max(newest, row.revision)
        return newest

    def version(self, name: str, row_name: str, row: Row) -> str:
        """What the client is told: a row under another name, or hot, is presented as other bytes."""
        alias = f"~{row_name}" if row_name != name else ""
        return f"{row.version}{alias}{'~hot' if self._tags_hot and name in self._hot else ''}"

    def resource(self, name: str, row_name: str, row: Row) -> Resource:
        """The row as the client shall see it."""
        assert isinstance(row.body, bytes)
        body = self._hooks.present(self._type, name, row_name, row.body, name in self._hot)
        return Resource(name, self.version(name, row_name, row), body)

    def absent(self, name: str) -> Resource | None:
        """What a client that asked for this name gets while no row answers to it; None: it is told so."""
        body = self._hooks.absent(self._type, name) if name in self.names else None
        return Resource(name, f"absent~{content_version(body)}", body) if body is not None else None

    def oldest(self) -> str:
        """Of the names that are made up, the one that was subscribed longest ago."""
        return next(iter(self.invented))
