"""Starts `testcluster` for the tests and speaks plain HTTP to its API server.

No client library here: what the gateway's own client is tested against must not share its mistakes.
"""

from __future__ import annotations

import inspect
import json
import os
import shutil
import ssl
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

Object = dict[str, Any]
BINARY = Path(__file__).parents[2] / "testcluster" / "bin" / "testcluster"


def missing() -> str:
    """Why there is no test cluster; empty when it can be started."""
    if os.access(BINARY, os.X_OK):
        return ""
    if shutil.which("go") is None:
        return "no test cluster: go is not installed"
    return "no test cluster: testcluster/bin/testcluster is not built (make cluster-build)"


def node_missing() -> str:
    """Why there can be no node; empty when there can."""
    if os.geteuid() != 0:
        return "no node in the test cluster: that needs root"
    absent = [name for name in ("nft", "nsenter") if shutil.which(name) is None]
    return f"no node in the test cluster: {absent[0]} is not installed" if absent else ""


def image_missing() -> str:
    """Why pods cannot run our own image, which is this repository with its `.venv`; empty when they can."""
    hidden = Path(__file__).resolve().is_relative_to("/tmp")
    return "no image of ours: pods have a volume of their own at /tmp, where this repository lies" if hidden else ""


def eventually(check: Callable[[], bool], deadline: float = 30.0) -> None:
    end = time.monotonic() + deadline
    while not check():
        assert time.monotonic() < end, f"not within {deadline} s: {inspect.getsource(check).strip()}"
        time.sleep(0.02)


class Cluster:
    """One running cluster. It ends with its standard input, so also when the tests are killed."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        command = [str(BINARY), "--until-eof", f"--data={data}", *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            self.stop()
            raise AssertionError("the test cluster did not start; it said why on standard error")
        self.kubeconfig = Path(line)

    def pid(self, role: str) -> int:
        """The process that plays the role now; kill it, and the cluster starts another."""
        return int((self.data / "run" / f"{role}.pid").read_text())

    def hold(self, role: str) -> None:
        """Once it has ended, the role stays away until it is released."""
        (self.data / "hold" / role).touch()

    def release(self, role: str) -> None:
        (self.data / "hold" / role).unlink()

    def stop(self) -> int:
        with self._process as process:
            process.communicate(timeout=30)
        return self._process.returncode


class Api:
    """One user's way to the API server."""

    def __init__(self, server: str, authority: str, pair: Path | None = None, token: str = "") -> None:
        trust = ssl.create_default_context(cadata=authority)
        if pair:
            trust.load_cert_chain(pair)
        self.server, self.authority, self.token = server, authority, token
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=server, verify=trust, headers=headers, timeout=30)

    @classmethod
    def from_kubeconfig(cls, path: Path, folder: Path, context: str = "testcluster") -> Api:
        config = yaml.safe_load(path.read_text())
        chosen = _named(config["contexts"], context)["context"]
        cluster = _named(config["clusters"], chosen["cluster"])["cluster"]
        user = _named(config["users"], chosen["user"])["user"]
        authority = b64decode(cluster["certificate-authority-data"]).decode()
        if "token" in user:
            return cls(cluster["server"], authority, token=user["token"])
        pair = folder / f"{chosen['user']}.pem"
        pair.write_bytes(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
        return cls(cluster["server"], authority, pair=pair)

    def with_token(self, token: str) -> Api:
        """Another user of the same server."""
        return Api(self.server, self.authority, token=token)

    def call(self, method: str, path: str, body: Object | None = None, **options: Any) -> Object:
        answer = self.http.request(method, path, json=body, **options)
        found: Object = answer.json()
        assert answer.is_success, found
        return found

    def get(self, path: str, **parameters: str) -> Object:
        return self.call("GET", path, params=parameters)

    def create(self, path: str, body: Object) -> Object:
        return self.call("POST", path, body)

    def apply(self, path: str, body: Object, manager: str) -> Object:
        """Server-side apply."""
        headers = {"content-type": "application/apply-patch+yaml"}
        return self.call("PATCH", path, body, params={"fieldManager": manager}, headers=headers)

    def alive(self) -> bool:
        try:
            return self.http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def denied(self, method: str, path: str, body: Object | None = None) -> Object:
        """The Status of a call that must not succeed."""
        answer = self.http.request(method, path, json=body)
        assert answer.is_error
        status: Object = answer.json()
        return status

    @contextmanager
    def watch(self, path: str, **parameters: str) -> Iterator[Iterator[Object]]:
        """The events of one watch, as they come."""
        with self.http.stream("GET", path, params={"watch": "true", **parameters}) as answer:
            yield (json.loads(line) for line in answer.iter_lines())


def _named(entries: list[Object], name: str) -> Object:
    return next(entry for entry in entries if entry["name"] == name)
