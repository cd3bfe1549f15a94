"""A replica's certificate is made again in time, and when the clock was set."""

from __future__ import annotations

from datetime import datetime, timedelta

from sealos_gateway.control.certificate import ServerCertificate
from sealos_gateway.trust.authority import Authority, new_authority
from tests.fake_clock import FakeClock


class Jumpy(FakeClock):
    """Its wall clock may be set, which the monotonic one does not notice."""

    offset = timedelta()

    def now(self) -> datetime:
        return super().now() + self.offset


def certificate() -> tuple[Jumpy, ServerCertificate]:
    clock = Jumpy()
    made = new_authority(clock.now())
    return clock, ServerCertificate(clock, Authority(made.certificate, made.key), timedelta(hours=1))


async def test_it_stays_for_two_thirds_of_its_life() -> None:
    clock, found = certificate()
    first = found.current()
    clock.advance(2399)
    assert found.current() is first
    clock.advance(2)
    assert found.current().not_after > first.not_after


async def test_a_clock_set_forward_or_back_does_not_leave_a_bad_one() -> None:
    clock, found = certificate()
    for hours in (5, -5):
        clock.offset = timedelta(hours=hours)
        assert found.current().valid(clock.now())
