"""Waiting longer and longer, and the real clock."""

import asyncio

import pytest

from sealos_gateway.clock import Backoff, SystemClock
from tests.fake_clock import FakeClock


def test_delays_double_up_to_the_bound_and_start_again_after_success() -> None:
    backoff = Backoff(FakeClock(chance=1.0), first=1.0, most=5.0)
    assert [backoff.delay() for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    backoff.reset()
    assert backoff.delay() == 1.0


def test_jitter_takes_off_up_to_half() -> None:
    assert Backoff(FakeClock(chance=0.0), first=1.0).delay() == 0.5


def test_never_sooner_than_the_server_asked_and_not_all_at_once() -> None:
    assert Backoff(FakeClock(chance=0.0)).delay(asked=30) == 30
    assert Backoff(FakeClock(chance=1.0)).delay(asked=30) == pytest.approx(33)


def test_a_thousand_failures_do_not_overflow() -> None:
    backoff = Backoff(FakeClock(), most=5.0)
    assert [backoff.delay() for _ in range(2000)][-1] == 5.0


async def test_the_real_clock_runs_and_times_out() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.001)
    assert clock.monotonic() > before
    assert 0 <= clock.random() <= 1
    assert clock.now().tzinfo is not None
    with pytest.raises(TimeoutError):
        async with clock.timeout(0.001):
            await asyncio.Event().wait()
