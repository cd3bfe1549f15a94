"""How TLS is spoken with clients, as a value."""

from __future__ import annotations

from sealos_gateway.model.client_tls import Ask, ClientCertificates, ClientTls, OwnContext
from sealos_gateway.resources.meta import Origin, Ref

CA = Origin("Secret", Ref("shop", "ca"))


def test_the_usual_way_is_the_default() -> None:
    assert ClientTls() == ClientTls(None, "", "", ())
    assert OwnContext("a.test") == OwnContext("a.test", (), None)


def test_certificates_are_required_unless_said_otherwise() -> None:
    assert ClientCertificates(CA).ask is Ask.REQUIRED
