"""Who becomes a node, who does not, and what both sides are told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sealos_gateway.control.admission import Admissions, JoinToken
from sealos_gateway.trust.authority import Authority, new_authority
from sealos_gateway.trust.enrolment import Application
from sealos_gateway.trust.holder import holder
from sealos_gateway.trust.identity import Identity
from sealos_gateway.trust.keys import NodeKey
from sealos_gateway.trust.review import Proven, RefusedError, UndecidedError
from tests.fake_clock import FakeClock

HOUR = timedelta(hours=1)


class Tokens:
    """Knows one token, that of `pod-1`; perhaps nothing at the moment."""

    away = False

    async def review(self, token: str, node: str) -> Proven:
        if self.away:
            raise UndecidedError("tokens cannot be checked now")
        if token != "good":
            raise RefusedError("the token is not good")
        return Proven("pod-1", "ingress")


class Door:
    def __init__(self) -> None:
        self.clock, self.tokens = FakeClock(), Tokens()
        made = new_authority(self.clock.now())
        self.admissions = Admissions(self.clock, Authority(made.certificate, made.key), self.tokens, HOUR)

    def application(
        self, token: str = "good", gateway: str = "ingress", node: str = "me", late: float = 0
    ) -> Application:
        time = self.clock.now().timestamp() + late
        return Application(node, gateway, token, NodeKey().request().decode(), time)


async def test_the_certificate_names_whom_the_token_proves_not_who_one_says_one_is() -> None:
    door = Door()
    found = holder((await door.admissions.enrol(door.application(node="somebody-else"))).certificate.encode())
    assert found == (Identity("ingress", "pod-1"), door.clock.now() + HOUR)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "bad"}, "the token is not good"),
        ({"gateway": "other"}, "token is for nodes of the gateway ingress, and the node wants to be one of other"),
        ({"late": -3600}, "clocks differ by more than 5 minutes"),
        ({"late": 3600}, "set the one that is wrong"),
        ({"late": 1e20}, "is not a time"),
        ({"late": float("nan")}, "is not a time"),
    ],
)
async def test_refusals_say_what_is_wrong(changes: dict[str, object], words: str) -> None:
    door = Door()
    with pytest.raises(RefusedError, match=words):
        await door.admissions.enrol(door.application(**changes))  # type: ignore[arg-type]


async def test_a_request_without_a_key_is_refused() -> None:
    door = Door()
    with pytest.raises(RefusedError, match="signing request"):
        await door.admissions.enrol(Application("a", "ingress", "good", "", door.clock.now().timestamp()))


async def test_a_newcomer_waits_while_nobody_can_tell() -> None:
    door = Door()
    door.tokens.away = True
    with pytest.raises(UndecidedError):
        await door.admissions.enrol(door.application())


async def test_a_member_renews_by_its_certificate_alone_only_while_nobody_can_tell() -> None:
    door, known = Door(), Identity("ingress", "pod-1")
    door.tokens.away = True
    assert (
        holder((await door.admissions.renew(door.application("expired"), known)).certificate.encode()).identity == known
    )
    door.tokens.away = False
    with pytest.raises(RefusedError, match="not good"):
        await door.admissions.renew(door.application("expired"), known)


async def test_nobody_renews_with_the_token_of_another() -> None:
    door = Door()
    with pytest.raises(RefusedError, match="that of pod-1, the certificate that of pod-2"):
        await door.admissions.renew(door.application(), Identity("ingress", "pod-2"))


def test_an_application_does_not_print_its_token() -> None:
    assert "good" not in repr(Door().application())


async def test_a_join_token_is_read_each_time_and_never_repeated(tmp_path: Path) -> None:
    path, token = tmp_path / "token", "t" * 32
    tokens = JoinToken(path, "ingress")
    with pytest.raises(UndecidedError, match="cannot read"):
        await tokens.review(token, "n")
    path.write_text("short")
    with pytest.raises(UndecidedError, match="fewer than 32"):
        await tokens.review("short", "n")
    path.write_text(f"{token}\n")
    assert await tokens.review(token, "n") == ("n", "ingress")
    with pytest.raises(RefusedError) as refused:
        await tokens.review("another", "n")
    assert "another" not in str(refused.value)
    assert token not in str(refused.value)
