"""Visitors of many hosts. `python -m bench.visitors PORT RATE HOST…`: RATE requests a second until standard input ends.

Each visitor has one kept-alive connection and asks one host after the other, in an order of its own. Every request is
counted by its status (`failed` where the connection broke), those that were not 200 are told one by one. Prints JSON.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from collections import Counter

VISITORS = 16
ANSWER_SECONDS = 10.0
MOST_TOLD = 50


class Crowd:
    """What all visitors found."""

    def __init__(self, port: int, rate: float, hosts: list[str]) -> None:
        self._port, self._pause, self._hosts = port, VISITORS / rate, hosts
        self._stop = False
        self.statuses: Counter[str] = Counter()
        self.slowest = 0.0
        self.told: list[tuple[float, str, str]] = []

    async def run(self) -> None:
        """Ask until standard input ends."""
        async with asyncio.TaskGroup() as group:
            for number in range(VISITORS):
                group.create_task(self._visit(random.Random(number)))
            await asyncio.to_thread(sys.stdin.read)
            self._stop = True

    async def _visit(self, order: random.Random) -> None:
        hosts = order.sample(self._hosts, len(self._hosts))
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        due = time.monotonic() + order.random() * self._pause
        for host in itertools.cycle(hosts):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._stop:
                break
            due = max(due + self._pause, time.monotonic() - 1)  # who fell behind catches up for a second at most
            began = time.monotonic()
            try:
                connection = connection or await asyncio.open_connection("127.0.0.1", self._port)
                status, body = await asyncio.wait_for(_ask(*connection, host), ANSWER_SECONDS)
            except (OSError, EOFError, TimeoutError, ValueError) as error:
                status, body, connection = "failed", repr(error), None
            self._note(status, host, body, time.monotonic() - began)
        if connection:
            connection[1].close()

    def _note(self, status: str, host: str, body: str, took: float) -> None:
        self.statuses[status] += 1
        self.slowest = max(self.slowest, took)
        if status != "200" and len(self.told) < MOST_TOLD:
            self.told.append((time.monotonic(), host, f"{status} {body[:200]}"))


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> tuple[str, str]:
    """Status and body of one request; answers without a length are not read."""
    writer.write(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    fields = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
    body = await reader.readexactly(int(fields["content-length"])) if "content-length" in fields else b""
    return head[0].split(" ")[1], body.decode(errors="replace")


if __name__ == "__main__":
    crowd = Crowd(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
    asyncio.run(crowd.run())
    print(json.dumps({"statuses": crowd.statuses, "slowest": crowd.slowest, "told": crowd.told}), flush=True)
