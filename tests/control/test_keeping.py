"""All replicas have the same authority, whoever made it."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sealos_gateway.control.keeping import Folder
from sealos_gateway.trust.authority import new_authority
from sealos_gateway.trust.credentials import Credentials
from sealos_gateway.trust.identity import TrustError


def made() -> Credentials:
    return new_authority(datetime.now(UTC))


async def test_the_first_makes_it_and_the_others_take_it(tmp_path: Path) -> None:
    first = await Folder(tmp_path / "ca").authority(made)
    second = await Folder(tmp_path / "ca").authority(made)
    assert first.bundle == second.bundle == (tmp_path / "ca" / "ca.crt").read_bytes()
    assert b"PRIVATE" not in (tmp_path / "ca" / "ca.crt").read_bytes()
    assert (tmp_path / "ca" / "authority.pem").stat().st_mode & 0o077 == 0


def test_only_one_of_many_at_once_wins(tmp_path: Path) -> None:
    found: set[bytes] = set()
    together = threading.Barrier(6)

    def replica() -> None:
        mine = made()

        def at_the_same_time() -> Credentials:
            together.wait(5)
            return mine

        found.add(asyncio.run(Folder(tmp_path / "ca").authority(at_the_same_time)).bundle)

    threads = [threading.Thread(target=replica) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


async def test_a_damaged_one_is_told_and_not_replaced(tmp_path: Path) -> None:
    await Folder(tmp_path).authority(made)
    (tmp_path / "authority.pem").write_bytes(b"half")
    with pytest.raises(TrustError, match="cannot be read"):
        await Folder(tmp_path).authority(made)


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrustError, match="cannot be kept"):
        await Folder(tmp_path / "file" / "ca").authority(made)
