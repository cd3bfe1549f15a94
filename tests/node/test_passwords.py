"""Passwords hashed by the C library: what it can, what it cannot, and who has to wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from sealos_gateway.node import passwords
from sealos_gateway.node.passwords import BusyError, PasswordHasher, UnknownFormError, crypt

#: From the test vectors of crypt_blowfish; what `openssl passwd -5` says.
VECTORS = [
    (b"U*U", b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.", b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    (b"Hello world!", b"$5$saltstring", b"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
]


@pytest.mark.parametrize(("password", "setting", "wanted"), VECTORS)
def test_known_answers(password: bytes, setting: bytes, wanted: bytes) -> None:
    assert crypt(password, setting) == wanted


@pytest.mark.parametrize("setting", [b"", b"!", b"*0", b"$2y$99$KGh3rYvTzC1YzS0Vd2kkOe", b"$nonsense$x", b"a\0b"])
def test_what_is_no_setting(setting: bytes) -> None:
    with pytest.raises(UnknownFormError):
        crypt(b"x", setting)


def test_a_machine_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_LIBRARY", "libnone.so.9")
    with pytest.raises(UnknownFormError):
        crypt(b"x", b"$5$salt")


@asynccontextmanager
async def hasher(folder: Path) -> AsyncIterator[aiohttp.ClientSession]:
    made = PasswordHasher(folder / "crypt.sock")
    await made.start()
    connector = aiohttp.UnixConnector(path=str(folder / "crypt.sock"), limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        try:
            yield session
        finally:
            await made.close()


async def ask(session: aiohttp.ClientSession, body: bytes, whose: str = "a") -> tuple[int, bytes]:
    async with session.post("http://passwords/", data=body, headers={"x-sealos-users": whose}) as answer:
        return answer.status, await answer.read()


async def test_the_conversation(tmp_path: Path) -> None:
    password, setting, wanted = VECTORS[1]
    async with hasher(tmp_path) as session:
        assert await ask(session, setting + b"\n" + password) == (200, wanted)
        assert (await ask(session, setting + b"\n" + password + b"\nx"))[1] != wanted  # a line feed is a letter
        assert await ask(session, b"!!\n" + password) == (422, b"")
        assert await ask(session, b"") == (422, b"")
        assert (await ask(session, b"x" * 5000))[0] == 413


async def test_so_many_may_wait_and_so_many_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    asked: list[bytes] = []

    def wait(password: bytes, _setting: bytes) -> bytes:
        asked.append(password)
        go.wait(5)
        return b"done"

    monkeypatch.setattr(passwords, "crypt", wait)
    made = PasswordHasher(tmp_path / "crypt.sock")
    flood = [asyncio.get_running_loop().create_task(made.hashed(b"s\n%d" % number, "a")) for number in range(20)]
    same = [asyncio.get_running_loop().create_task(made.hashed(b"s\nsame", "b")) for _ in range(20)]
    others = [asyncio.get_running_loop().create_task(made.hashed(b"s\nx", f"c{number}")) for number in range(40)]
    await asyncio.sleep(0)  # each has asked by now
    go.set()
    found = await asyncio.gather(*flood, return_exceptions=True)
    assert [type(one) for one in found] == [bytes] * 8 + [BusyError] * 12
    assert await asyncio.gather(*same, *others) == [b"done"] * 60, "who asks the same waits for one answer"
    assert (asked.count(b"same"), asked.count(b"x")) == (1, 1)
    assert await made.hashed(b"s\nagain", "a") == b"done", "there is room again"
    await made.close()


async def test_so_many_may_wait_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "crypt", lambda _password, _setting: b"done")
    made = PasswordHasher(tmp_path / "crypt.sock")
    found = await asyncio.gather(
        *(made.hashed(b"s\n%d" % number, str(number)) for number in range(40)), return_exceptions=True
    )
    assert [type(one) for one in found] == [bytes] * 32 + [BusyError] * 8
    await made.close()
