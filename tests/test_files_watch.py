"""Watching manifests with real writes: each arrives, in whatever way it is made, and no object arrives twice."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sealos_gateway.files import disk, watcher
from sealos_gateway.files.source import Source
from sealos_gateway.resources import ingress
from sealos_gateway.resources.update import Update

DEADLINE = 4.0
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}}}
spec:
  rules:
  - host: {host}
"""


def manifest(name: str = "web", host: str = "a.example.com") -> str:
    return INGRESS.format(name=name, host=host)


class Followed:
    """What a consumer of the source knows."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.hosts: dict[str, str] = {}
        self.updates: list[Update] = []
        self._changed = asyncio.Event()

    def take(self, update: Update) -> None:
        for _, ref in update.drops:
            del self.hosts[ref.name]
        for _, ref, row in update.puts:
            assert isinstance(row, ingress.Ingress)
            self.hosts[ref.name] = (row.spec.rules or ())[0].host
        if update.puts or update.drops:
            self.updates.append(update)
        self._changed.set()

    async def follow(self, stop: asyncio.Event) -> None:
        async for changed in self.source.watch(stop):
            self.take(self.source.reload(changed))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_hosts(self, **hosts: str) -> None:
        await self.until(lambda: self.hosts == hosts)


@asynccontextmanager
async def followed(*roots: Path) -> AsyncIterator[Followed]:
    """A source that was loaded and is watched; `stop` must end the watch."""
    stop = asyncio.Event()
    it = Followed(Source(roots))
    it.take(it.source.load())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(it.follow(stop))
        try:
            yield it
        finally:
            stop.set()


async def test_files_that_come_change_and_go(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    async with followed(tmp_path) as it:
        path.write_text(manifest())
        await it.until_hosts(web="a.example.com")
        path.write_text(manifest(host="b.example.com"))
        await it.until_hosts(web="b.example.com")
        (tmp_path / ".a.yaml.tmp").write_text(manifest(host="c.example.com"))
        (tmp_path / ".a.yaml.tmp").rename(path)
        await it.until_hosts(web="c.example.com")
        path.unlink()
        await it.until_hosts()


async def test_nothing_is_missed_between_load_and_watch(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("changed", "deleted", "sub/kept"):
        (tmp_path / f"{name}.yaml").write_text(manifest(Path(name).name))
    it = Followed(Source([tmp_path]))
    it.take(it.source.load())
    (tmp_path / "changed.yaml").write_text(manifest("changed", "b.example.com"))
    (tmp_path / "deleted.yaml").unlink()
    (tmp_path / "sub" / "new.yaml").write_text(manifest("new"))
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(it.follow(stop))
        await it.until_hosts(changed="b.example.com", kept="a.example.com", new="a.example.com")
        stop.set()


async def test_a_write_in_two_parts_never_loses_the_object(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(manifest())
    async with followed(tmp_path) as it:
        with path.open("w") as file:
            file.write(manifest(host="b.example.com") + "  - host: 'c.exa")
            file.flush()
            await it.until(lambda: [problem.reason for problem in it.source.problems] == ["InvalidSyntax"])
            assert it.hosts == {"web": "a.example.com"}
            file.write("mple.com'\n")
        await it.until_hosts(web="b.example.com")
        assert it.source.problems == ()
        assert all(not update.drops for update in it.updates)


async def test_a_file_emptied_before_it_is_written_never_loses_the_object(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(manifest())
    async with followed(tmp_path) as it:
        with path.open("w") as file:
            await it.until(lambda: [problem.reason for problem in it.source.problems] == ["EmptyFile"])
            file.write(manifest(host="b.example.com"))
        await it.until_hosts(web="b.example.com")
        assert all(not update.drops for update in it.updates)


async def test_folders_that_come_and_go(tmp_path: Path) -> None:
    async with followed(tmp_path) as it:
        (tmp_path / "x" / "y").mkdir(parents=True)
        (tmp_path / "x" / "y" / "a.yaml").write_text(manifest("a"))
        await it.until_hosts(a="a.example.com")
        (tmp_path / "x" / "y" / "b.yaml").write_text(manifest("b"))
        await it.until_hosts(a="a.example.com", b="a.example.com")
        (tmp_path / "x").rename(tmp_path / "z")
        await it.until(lambda: Path("z/y/b.yaml") in {path.relative_to(tmp_path) for path in it.source._files})
        assert it.hosts == {"a": "a.example.com", "b": "a.example.com"}
        shutil.rmtree(tmp_path / "z")
        await it.until_hosts()


async def test_a_mounted_config_map_is_updated_once(tmp_path: Path) -> None:
    def publish(version: str, host: str) -> None:
        """As the kubelet does: a new folder, then the link `..data` swapped to it."""
        folder = tmp_path / f"..{version}"
        folder.mkdir()
        for name in ("a", "b"):
            (folder / f"{name}.yaml").write_text(manifest(name, host))
        (tmp_path / "..data_tmp").symlink_to(folder.name)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    publish("v1", "one.example.com")
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").symlink_to(f"..data/{name}.yaml")
    async with followed(tmp_path) as it:
        assert it.hosts == dict.fromkeys("ab", "one.example.com")
        it.updates.clear()
        publish("v2", "two.example.com")
        shutil.rmtree(tmp_path / "..v1")
        await it.until_hosts(a="two.example.com", b="two.example.com")
        publish("v3", "three.example.com")
        await it.until_hosts(a="three.example.com", b="three.example.com")
        (tmp_path / "last.yaml").write_text(manifest("last"))
        await it.until(lambda: "last" in it.hosts)
        assert [len(update.puts) for update in it.updates] == [2, 2, 1]
        assert it.source.problems == ()


async def test_the_target_of_a_link_is_watched(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "any.name"
    target.write_text(manifest())
    (tmp_path / "in" / "a.yaml").symlink_to(target)
    async with followed(tmp_path / "in") as it:
        target.write_text(manifest(host="b.example.com"))
        await it.until_hosts(web="b.example.com")


async def test_a_root_that_is_a_link_may_be_turned_elsewhere(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(manifest(host=f"{name}.example.com"))
    current = tmp_path / "current"
    current.symlink_to("one")
    async with followed(current) as it:
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").rename(current)
        await it.until_hosts(web="two.example.com")
        (tmp_path / "two" / "a.yaml").write_text(manifest(host="three.example.com"))
        await it.until_hosts(web="three.example.com")


async def test_roots_that_come_later_and_vanish(tmp_path: Path) -> None:
    root, file = tmp_path / "deep" / "root", tmp_path / "file.yaml"
    async with followed(root, file) as it:
        assert len(it.source.problems) == 2
        root.mkdir(parents=True)
        (root / "a.yaml").write_text(manifest("a"))
        file.write_text(manifest("f"))
        await it.until_hosts(a="a.example.com", f="a.example.com")
        await it.until(lambda: it.source.problems == ())
        root.rename(tmp_path / "away")
        await it.until(lambda: [problem.reason for problem in it.source.problems] == ["NotFound"])
        assert it.hosts == {"a": "a.example.com", "f": "a.example.com"}
        (tmp_path / "away" / "a.yaml").write_text(manifest("a", "b.example.com"))
        (tmp_path / "away").rename(root)
        await it.until_hosts(a="b.example.com", f="a.example.com")
        file.unlink()
        await it.until_hosts(a="b.example.com")


async def test_a_burst_of_writes_arrives_whole(tmp_path: Path) -> None:
    names = [f"n{number}" for number in range(200)]
    async with followed(tmp_path) as it:
        for name in names:
            (tmp_path / f"{name}.yaml").write_text(manifest(name, "old.example.com"))
            (tmp_path / f"{name}.yaml").write_text(manifest(name, "new.example.com"))
        await it.until_hosts(**dict.fromkeys(names, "new.example.com"))


async def test_a_cancelled_watch_ends(tmp_path: Path) -> None:
    it = Followed(Source([tmp_path]))
    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(it.follow(asyncio.Event()))
        (tmp_path / "a.yaml").write_text(manifest())
        await it.until_hosts(web="a.example.com")
        task.cancel()
    assert task.cancelled()


async def test_a_system_that_cannot_watch_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(watcher, "RustNotify", refused)
    with pytest.raises(watcher.WatchError, match="2 folders cannot be watched"):
        await anext(Source([tmp_path]).watch(asyncio.Event()))


async def test_an_unchanged_tree_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    real = disk.scan

    def counted(path: Path, roots: tuple[Path, ...]) -> disk.Scan:
        looked.append(path)
        return real(path, roots)

    for number in range(20):
        (tmp_path / f"{number}.yaml").write_text(manifest(f"n{number}"))
    async with followed(tmp_path) as it:
        (tmp_path / "0.yaml").write_text(manifest("n0", "b.example.com"))
        await it.until(lambda: it.hosts["n0"] == "b.example.com")
        monkeypatch.setattr(disk, "scan", counted)
        (tmp_path / "other.txt").write_text("not a manifest")
        (tmp_path / "1.yaml").write_text(manifest("n1", "b.example.com"))
        await it.until(lambda: it.hosts["n1"] == "b.example.com")
        assert set(looked) == {tmp_path / "1.yaml"}
