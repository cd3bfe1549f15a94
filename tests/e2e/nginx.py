"""A real nginx as a reference: the configuration that ingress-nginx would make of an annotation, asked the same things.

Where no nginx is installed the tests that need one are skipped, and say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType

import httpx
import pytest

from tests.e2e import processes

LOOPBACK = "127.0.0.1"
_MAIN = """
{main}
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {http}
  server {{ listen 127.0.0.1:{port} default_server; {server} }}
}}
"""


def binary() -> str:
    """The nginx of this machine; skips the test where there is none."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        pytest.skip("no nginx to compare with; Debian's package nginx brings it")
    return found


class Nginx:
    """`http` and `server` stand in those blocks, `main` before all; `{folder}` is a folder of its own."""

    def __init__(self, folder: Path, server: str, http: str = "", main: str = "") -> None:
        self.folder = folder / "nginx"
        self.folder.mkdir(parents=True)
        self.port = processes.free_ports(1)[0]
        blocks = {"server": server, "http": http}
        for hole, value in (("{folder}", str(self.folder)), ("{port}", str(self.port))):
            blocks = {name: text.replace(hole, value) for name, text in blocks.items()}
        (self.folder / "nginx.conf").write_text(_MAIN.format(main=main, port=self.port, folder=self.folder, **blocks))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Nginx:
        command = [binary(), "-p", os.fspath(self.folder), "-c", os.fspath(self.folder / "nginx.conf")]
        with open(self.folder / "said", "ab") as said:
            self._process = processes.start(command, said, said)
        try:
            processes.wait_for(self._is_up, 10.0, "nginx listens")
        except AssertionError as error:
            self.__exit__(None, None, None)
            raise AssertionError((self.folder / "said").read_text()[-2000:]) from error
        return self

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "nginx has ended"
        return processes.is_listening(self.port)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._process is not None:
            processes.end(self._process, 5.0)

    async def get(self, path: str = "/", host: str = "a.test", **options: object) -> httpx.Response:
        """One request on a connection of its own; redirects are not followed."""
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{self.port}", timeout=10.0) as client:
            method = str(options.pop("method", "GET"))
            named = {"Host": host, **dict(options.pop("headers", {}))}  # type: ignore[call-overload]
            return await client.request(method, path, headers=named, **options)  # type: ignore[arg-type]
