"""How every command that serves starts and stops: its state folder, and the signals that end it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from sealos_gateway.settings import SettingsError

log = logging.getLogger(__name__)

_SOCKET_PATH_BYTES = 107  # sun_path of unix(7), without its closing zero


@contextlib.contextmanager
def state_folder(wanted: str) -> Iterator[Path]:
    """The state folder, made if needed; a temporary one when there is none or it cannot be written.

    Raises SettingsError when its path is too long for the sockets in it.
    """
    if wanted:
        path = Path(wanted)
        if len(os.fsencode(path.absolute() / "admin.sock")) > _SOCKET_PATH_BYTES:
            raise SettingsError(
                f"state_dir: {path} is too long for a Unix socket of at most {_SOCKET_PATH_BYTES} bytes"
            )
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = path / f".probe-{os.getpid()}"
            probe.write_bytes(b"\0" * 65536)
            probe.unlink()
        except OSError as error:
            log.warning("state folder %s cannot be used (%s); going on with a temporary one", path, error.strerror)
        else:
            yield path
            return
    with tempfile.TemporaryDirectory(prefix="sgw-") as folder:
        yield Path(folder)


async def until_told(run: Callable[[asyncio.Event], Awaitable[None]], *errors: type[Exception]) -> None:
    """Hand in what SIGINT and SIGTERM set; one of `errors`, on which a person can act, comes out alone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await run(stop)
    except* errors as group:
        raise _first(group) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group; groups may be in groups, one for each part that waited for its own."""
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
