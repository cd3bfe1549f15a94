"""The authority vouches for its own, for a time, and for a key that the asker has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from sealos_gateway.trust.authority import SKEW, Authority, new_authority
from sealos_gateway.trust.holder import holder
from sealos_gateway.trust.identity import CONTROL, Identity, TrustError
from sealos_gateway.trust.keys import NodeKey

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NODE = Identity("ingress", "node-1")


def authority() -> Authority:
    made = new_authority(NOW)
    return Authority(made.certificate, made.key)


def test_a_node_gets_a_certificate_for_its_key_and_its_name() -> None:
    key = NodeKey()
    found = key.credentials(authority().node(key.request(), NODE, NOW, HOUR))
    assert holder(found.certificate) == (NODE, NOW + HOUR)
    assert found.not_before == NOW - SKEW
    assert (found.valid(NOW), found.valid(NOW + HOUR), found.valid(NOW - 2 * SKEW)) == (True, False, False)
    usage = x509.load_pem_x509_certificate(found.certificate).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(usage.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert "PRIVATE" not in repr(found)


def test_what_the_request_says_of_itself_is_ignored() -> None:
    key = NodeKey()
    made = authority().node(key.request(), NODE, NOW, HOUR)
    names = x509.load_pem_x509_certificate(made).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == [NODE.uri]


def test_a_replica_is_known_by_one_name_and_is_no_node() -> None:
    made = authority().server(NOW, HOUR)
    certificate = x509.load_pem_x509_certificate(made.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [CONTROL]
    with pytest.raises(TrustError, match="not that of a node"):
        holder(made.certificate)


def test_every_certificate_is_signed_by_the_authority() -> None:
    one = authority()
    root = x509.load_pem_x509_certificate(one.bundle)
    x509.load_pem_x509_certificate(one.server(NOW, HOUR).certificate).verify_directly_issued_by(root)


def test_nothing_outlives_the_authority() -> None:
    one = authority()
    near = one.not_after - timedelta(minutes=1)
    assert one.server(near, HOUR).not_after == one.not_after
    with pytest.raises(TrustError, match="the authority ended"):
        one.server(one.not_after + HOUR, HOUR)


def test_a_request_that_is_not_one_is_refused() -> None:
    with pytest.raises(TrustError, match="signing request"):
        authority().node(b"nothing", NODE, NOW, HOUR)


def test_a_certificate_for_another_key_is_refused() -> None:
    mine, other = NodeKey(), NodeKey()
    made = authority().node(other.request(), NODE, NOW, HOUR)
    with pytest.raises(TrustError, match="another key"):
        mine.credentials(made)
    with pytest.raises(TrustError, match="cannot be read"):
        mine.credentials(b"-")


def test_halves_of_two_authorities_are_none() -> None:
    one, other = new_authority(NOW), new_authority(NOW)
    with pytest.raises(TrustError, match="not that of its certificate"):
        Authority(one.certificate, other.key)
    with pytest.raises(TrustError, match="cannot be read"):
        Authority(b"", b"")
