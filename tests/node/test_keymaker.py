"""Keys of nodes, made by a process of its own: the conversation with a real authority, and what cuts it short."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import pytest

from sealos_gateway.node import applicant
from sealos_gateway.trust.authority import Authority, new_authority
from sealos_gateway.trust.identity import Identity, TrustError

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
NODE = Identity("g", "n1")


@pytest.fixture
def authority() -> Authority:
    made = new_authority(NOW)
    return Authority(made.certificate, made.key)


async def test_credentials_that_the_authority_signed(authority: Authority) -> None:
    async with applicant.applicant() as one, applicant.applicant() as other:
        certificate = authority.node((await one.request()).encode(), NODE, NOW, HOUR)
        found = await one.credentials(certificate.decode())
        await other.request()
        with pytest.raises(TrustError, match="for another key"):
            await other.credentials(certificate.decode())
    assert (found.certificate, found.not_after) == (certificate, NOW + HOUR)
    assert found.not_before < NOW
    assert bytes(found.key).startswith(b"-----BEGIN PRIVATE KEY-----")
    assert "PRIVATE" not in repr(found)


async def test_what_is_no_certificate_is_said() -> None:
    async with applicant.applicant() as one:
        await one.request()
        with pytest.raises(TrustError, match="cannot be read"):
            await one.credentials("nonsense\n\0")


async def test_a_process_that_waits_for_a_certificate_ends_with_the_question() -> None:
    async with applicant.applicant() as one:
        await one.request()
    assert one._process.returncode is not None


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((sys.executable, "-c", "pass"), "ended too early"),
        ((sys.executable, "-c", "print('half', end='')"), "ended too early"),
        (("/none/at/all",), "cannot be started: No such file"),
        ((sys.executable, "-c", "import time; time.sleep(60)"), "does not answer"),
    ],
)
async def test_a_process_that_fails_is_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], words: str
) -> None:
    monkeypatch.setattr(applicant, "_COMMAND", command)
    monkeypatch.setattr(applicant, "_SECONDS", 1.0)
    with pytest.raises(TrustError, match=words):
        async with applicant.applicant() as one:
            await one.request()
