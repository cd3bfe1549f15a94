"""Pods of many Services that are replaced in a rolling way. `python -m bench.pods FOLDER SERVICES SECONDS`.

A pod is an address of its own within 127.0.0.0/8 on which something listens and answers 200 with the pod's generation
(`old` or `new`). This process is also what a Deployment and the EndpointSlice controller would be: it writes one
slice per Service into the folder. At first every pod is old, and it prints `ready`. After a line on standard input it
replaces all of them; it prints as JSON when the last change was written, and in the end how often it wrote.

A replacement is: the new pod listens and is announced; a moment later an old one is said to be terminating (it goes on
serving); `GRACE_SECONDS` after that it stops listening, cuts its connections and leaves the slice. Services start
evenly spread over the given seconds. Times are those of `time.monotonic`, which all processes of a machine share.
"""

import asyncio
import itertools
import json
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import world
from bench.backend import Answer

PODS = 3
STEP_SECONDS = 0.7
GRACE_SECONDS = 2.0
_FIRST = 127 << 24 | 1 << 16  # 127.1.0.0


def name(number: int) -> str:
    """The number-th Service, and its Ingress."""
    return f"rolled-{number:04d}"


class Connection(Answer):
    """One connection to a pod, which its end cuts."""

    def __init__(self, pod: "Pod") -> None:
        super().__init__(pod.generation)
        self._pod = pod

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Belong to the pod."""
        super().connection_made(transport)
        self._pod.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """No longer belong to it."""
        self._pod.connections.discard(self)

    def cut(self) -> None:
        """As the end of a process would."""
        self._transport.abort()


@dataclass(eq=False)
class Pod:
    """One address, from `open` to `close`."""

    address: str
    generation: str
    terminating: bool = False
    connections: set[Connection] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def open(self, port: int) -> int:
        """Listen; 0 lets the kernel choose."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), self.address, port)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Refuse new connections and cut those there are."""
        assert self._server is not None
        self._server.close()
        for connection in list(self.connections):
            connection.cut()


class Rollout:
    """All Services, their pods, and the folder in which their slices are written."""

    def __init__(self, folder: Path, services: int) -> None:
        self._folder = folder
        self._numbers = itertools.count(_FIRST)
        self._pods = {name(number): [self._pod("old") for _ in range(PODS)] for number in range(services)}
        self._port = 0
        self._to_come = services * PODS
        self.writes = 0
        self.late = 0.0

    async def begin(self) -> None:
        """Let every old pod listen, and describe them."""
        for service, pods in self._pods.items():
            for pod in pods:
                self._port = await pod.open(self._port)
            self._write(service)

    async def replace(self, seconds: float) -> None:
        """Replace every pod. Prints the moment of the last change that matters to anybody as soon as it is written."""
        self.writes, began = 0, time.monotonic()
        async with asyncio.TaskGroup() as group:
            for place, service in enumerate(self._pods):
                group.create_task(self._replace(group, service, began + seconds * place / len(self._pods)))

    async def _replace(self, group: asyncio.TaskGroup, service: str, at: float) -> None:
        pods = self._pods[service]
        for old in list(pods):
            await self._until(at)
            pods.append(new := self._pod("new"))
            await new.open(self._port)
            self._write(service)
            await self._until(at + STEP_SECONDS)
            old.terminating = True
            self._write(service)
            self._to_come -= 1
            if not self._to_come:
                last = [f"{pod.address}:{self._port}" for pod in pods if not pod.terminating]
                print(json.dumps({"written": time.monotonic(), "service": service, "endpoints": last}), flush=True)
            group.create_task(self._end(service, old, time.monotonic() + GRACE_SECONDS))
            at += 2 * STEP_SECONDS

    async def _end(self, service: str, pod: Pod, at: float) -> None:
        await self._until(at)
        pod.close()
        self._pods[service].remove(pod)
        self._write(service)

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        self.late = max(self.late, time.monotonic() - at)

    def _pod(self, generation: str) -> Pod:
        number = next(self._numbers)
        return Pod(".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0)), generation)

    def _write(self, service: str) -> None:
        endpoints = [world.endpoint(pod.address, pod.terminating) for pod in self._pods[service]]
        world.write(self._folder / f"{service}.json", [world.endpoint_slice(service, self._port, endpoints)])
        self.writes += 1


async def main(folder: Path, services: int, seconds: float) -> None:
    """As the text of this module says."""
    rollout = Rollout(folder, services)
    await rollout.begin()
    print("ready", flush=True)
    if await asyncio.to_thread(sys.stdin.readline):
        await rollout.replace(seconds)
        print(json.dumps({"writes": rollout.writes, "late": rollout.late}), flush=True)
        await asyncio.to_thread(sys.stdin.read)  # the new pods go on serving until nobody needs them


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
