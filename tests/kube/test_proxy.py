"""Which proxy leads to an API server."""

import pytest

from sealos_gateway.kube import proxy

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("exceptions", "direct"),
    [
        ("", False),
        ("*", True),
        ("10.96.0.1", True),
        ("10.96.0.0/12", True),
        ("10.0.0.0/16", False),
        ("example.com, 10.96.0.1", True),
        ("10.96.0.1:443", True),
        ("10.96.0.1:6443", False),
        ("cluster.local", False),
        ("10.96.0.0/99", False),
    ],
)
def test_addresses(exceptions: str, direct: bool) -> None:
    assert proxy.is_direct("10.96.0.1", 443, exceptions) is direct


@pytest.mark.parametrize(
    ("host", "exceptions", "direct"),
    [
        ("api.example.com", "example.com", True),
        ("api.example.com", ".example.com", True),
        ("api.example.com", "*.example.com", True),
        ("example.com", ".example.com", False),
        ("notexample.com", "example.com", False),
        ("API.Example.COM.", "api.example.com", True),
        ("api.example.com", "10.0.0.0/8", False),
        ("localhost", "", True),
        ("127.0.0.1", "", True),
        ("::1", "", True),
        ("fd00::1", "fd00::/8", True),
        ("fd00::1", "[fd00::1]:443", True),
    ],
)
def test_names(host: str, exceptions: str, direct: bool) -> None:
    assert proxy.is_direct(host, 443, exceptions) is direct


def test_the_scheme_chooses_the_variable_and_small_letters_win() -> None:
    environ = {"HTTPS_PROXY": "http://large:1", "https_proxy": "small:2", "HTTP_PROXY": PROXY}
    assert proxy.proxy_for("https://api:6443", environ) == "http://small:2"
    assert proxy.proxy_for("http://api", environ) == PROXY
    assert proxy.proxy_for("https://api", {}) == ""


def test_no_proxy_is_asked_with_the_port_of_the_scheme() -> None:
    environ = {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.1:443"}
    assert proxy.proxy_for("https://10.0.0.1", environ) == ""
    assert proxy.proxy_for("https://10.0.0.1:6443", environ) == PROXY
