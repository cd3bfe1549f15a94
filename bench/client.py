"""The client that measures: one kept-alive connection that asks in a tight loop."""

import http.client
import socket
import time
from collections.abc import Callable, Iterable

PAUSE_SECONDS = 0.001
ANSWER_SECONDS = 20.0
Answer = tuple[int, bytes]


class Client:
    """Asks one port for hosts. A broken connection is made anew; a refused one counts as status 0."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self._connection = http.client.HTTPConnection(address, port, timeout=ANSWER_SECONDS)

    def get(self, host: str, path: str = "/") -> Answer:
        """Status and body of one request."""
        for _ in range(2):  # the second time on a fresh connection: an idle one may have been closed meanwhile
            try:
                self._connection.request("GET", path, headers={"Host": host})
                response = self._connection.getresponse()
                return response.status, response.read()
            except ConnectionRefusedError:
                break
            except (http.client.HTTPException, OSError):
                self._connection.close()
        self._connection.close()
        return 0, b""

    def until(self, host: str, wanted: Callable[[Answer], bool], seconds: float = 30.0) -> float:
        """Ask until the answer is the wanted one; returns the moment it came (`time.perf_counter`)."""
        deadline = time.perf_counter() + seconds
        while not wanted(answer := self.get(host)):
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{host} still answers {answer[0]} {answer[1][:100]!r} after {seconds:.0f} s")
            time.sleep(PAUSE_SECONDS)
        return time.perf_counter()

    def warm(self, hosts: Iterable[str]) -> None:
        """Ask every host once, as its first visitor. Each must answer 200."""
        for host in hosts:
            status, body = self.get(host)
            if status != 200:
                raise AssertionError(f"{host} answered {status} {body[:100]!r}")

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def serves(answer: Answer) -> bool:
    """Whether the host is there."""
    return answer[0] == 200


def is_gone(answer: Answer) -> bool:
    """Whether the host is not there (any more)."""
    return answer[0] == 404


def comes_from(name: str) -> Callable[[Answer], bool]:
    """Whether the backend of this name answered."""
    return lambda answer: answer == (200, name.encode())


def listens(port: int) -> bool:
    """Whether somebody accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
