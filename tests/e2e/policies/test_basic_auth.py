"""Passwords through a real Envoy, beside a real nginx with the same htpasswd file, and what attackers try."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import manifests, wire
from tests.e2e.backends import Echo
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.fleet import Fleet
from tests.e2e.harness import Gateway, eventually
from tests.e2e.nginx import Nginx

NGINX = "nginx.ingress.kubernetes.io/"
BASIC = {f"{NGINX}auth-type": "basic", f"{NGINX}auth-secret": "users", f"{NGINX}auth-realm": 'shop "1"'}


def sha(password: str) -> str:
    return "{SHA}" + base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()


def ssha(password: str, salt: bytes = b"pepper") -> str:
    return "{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt).digest() + salt).decode()


#: name: (digest, password). The MD5 ones are what `openssl passwd -apr1` and `-1` say.
USERS = {
    "plain": ("{PLAIN}open:sesame", "open:sesame"),
    "sha": (sha("pässword"), "pässword"),
    "ssha": (ssha("salted"), "salted"),
    "apr1": ("$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/", "secret"),
    "md5": ("$1$salt$PWKzODfarHMEGrqE3Mzo7/", "a much longer password than sixteen bytes"),
}
#: What takes a worker too long.
SLOW = {
    "bcrypt": ("$2y$05$KGh3rYvTzC1YzS0Vd2kkOeVBUvUyhADzcehTRgk11eQiQtjLG32q2", "hörse"),
    "bcrypt-10": ("$2b$10$KGh3rYvTzC1YzS0Vd2kkOe7gPq9y7IzKAtm1piZfivEvH7qxGmUgO", "staple"),
    "sha256": ("$5$saltsalt$2vhkvr9hBXnDWnWPCdlC2B7pNMC3kgEFDgMiojEkw86", "battery"),
    "sha512": (
        "$6$rounds=10000$pepper$lFizJdOnl2PNm3FC58TAF7IcuMaQnvwngKCFAHI1Y6FlGpFGatVUqnmTNPPSqwSiYokTr3tWX5wjk5cbW6owv.",
        "correct",
    ),
    "des": ("ab4dOxiiWAuPc", "eightchr"),
}
FILE = "# people\n\n" + "\n".join(f"{name}:{digest}" for name, (digest, _) in USERS.items()) + "\n"


def users(namespace: str, text: str = FILE, name: str = "users", **entries: str) -> dict[str, Any]:
    data = entries or {"auth": text}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": manifests.meta(name, namespace), "stringData": data}


def password_file(folder: Path, text: str = FILE) -> None:
    """The file `users`, where nginx may read it."""
    folder.chmod(0o755)
    (folder / "users").write_text(text)


def credentials(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def secured(site: Site, echo: Echo, **options: Any) -> None:
    site.backend("web", echo.port)
    site.apply(users(site.namespace))
    site.ingress(annotations=BASIC, **options)
    await site.gateway.settled()


async def test_every_form_of_htpasswd(site: Site, echo_a: Echo) -> None:
    await secured(site, echo_a)
    for name, (_, password) in USERS.items():
        for _ in range(2):
            seen = await site.answer(headers=credentials(name, password))
            assert "authorization" not in dict(seen["headers"]), "the backend does not see the password"
        for wrong in (password + "x", password[:-1], "", password.upper()):
            assert (await site.get(headers=credentials(name, wrong))).status_code == 401
        assert (await site.get(headers=credentials("nobody", password))).status_code == 401


async def test_as_nginx_answers(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    await secured(site, echo_a)
    asked: list[dict[str, str]] = [
        {}, credentials("sha", "pässword"), credentials("ssha", "salted"), credentials("apr1", "secret"),
        credentials("md5", USERS["md5"][1]), credentials("sha", "wrong"), credentials("none", "x"), credentials("", ""),
        {"Authorization": "basic " + base64.b64encode(b"apr1:secret").decode()},
        {"Authorization": "Basic"}, {"Authorization": "Basic !!!!"}, {"Authorization": "Bearer abc"},
        {"Authorization": "Basic " + base64.b64encode(b"apr1").decode()},
        {"Authorization": "Basic  " + base64.b64encode(b"apr1:secret").decode()},
    ]  # fmt: skip
    realm = BASIC[f"{NGINX}auth-realm"].replace('"', '\\"')
    location = f'location / {{ auth_basic "{realm}"; auth_basic_user_file {tmp_path}/users; try_files /none =204; }}'
    password_file(tmp_path)
    with Nginx(tmp_path, location) as nginx:
        for headers in asked:
            ours, theirs = await site.get(headers=headers), await nginx.get(headers=headers)
            assert (ours.status_code < 300) == (theirs.status_code < 300), headers
            if theirs.status_code >= 300:
                assert ours.status_code == theirs.status_code, headers
    assert (await site.get()).headers["www-authenticate"] == 'Basic realm="shop \\"1\\""'


async def test_a_user_for_each_key(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.apply(users(site.namespace, joe=sha("one"), **{"ann.b": sha("two")}))
    site.ingress(annotations={**BASIC, f"{NGINX}auth-secret-type": "auth-map"})
    await site.gateway.settled()
    assert (await site.get(headers=credentials("ann.b", "two"))).status_code == 200
    assert (await site.get(headers=credentials("joe", "two"))).status_code == 401


async def test_a_changed_secret_counts_at_once(site: Site, echo_a: Echo) -> None:
    await secured(site, echo_a)
    assert (await site.get(headers=credentials("sha", "pässword"))).status_code == 200
    site.apply(users(site.namespace, f"sha:{sha('new')}\n"))

    async def changed() -> bool:
        return (await site.get(headers=credentials("sha", "new"))).status_code == 200

    await eventually(changed)
    assert (await site.get(headers=credentials("sha", "pässword"))).status_code == 401


async def test_without_its_secret_the_route_is_closed(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.ingress(annotations=BASIC)
    await site.gateway.settled()
    assert (await site.get()).status_code == 503
    site.apply(users(site.namespace))

    async def there() -> bool:
        return (await site.get()).status_code == 401

    await eventually(there)


async def test_paths_and_hosts_cannot_be_written_around_it(new_gateway: NewGateway, echo_a: Echo) -> None:
    """The open path `/` and the closed path `/admin` of one host, cold, in every spelling."""
    open_, closed = [manifests.path("/", "web:80")], [manifests.path("/admin", "web:80")]
    gateway = new_gateway(
        manifests.service("web", "shop"),
        manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
        users("shop"),
        manifests.ingress("open", "shop", {"shop.test": open_}),
        manifests.ingress("closed", "shop", {"shop.test": closed}, annotations=BASIC),
        manifests.ingress("all", "shop", {"all.test": "web:80", "*.wild.test": "web:80"}, annotations=BASIC),
        settings={"lazy": {"threshold": 0}, "http": {"merge_slashes": True, "escaped_slashes": "unescape-and-forward"}},
    ).start()
    tricks = ("/admin", "/admin/", "/admin?x", "/x/../admin", "/%61dmin", "/./admin", "//admin", "/x/%2e%2e/admin",
              "/admin/..%2fadmin", "/%2fadmin", "/admin;x", "/ADMIN", "/admin%00", "/admin%20",
              "/admin%2f")  # fmt: skip
    for target in tricks:
        reply = await wire.exchange(gateway.http_port, wire.request(target, "SHOP.test"))
        if reply.status == 200:  # then the backend must have been asked for something else
            seen = json.loads(reply.body)["path"]
            assert seen != "/admin", target
            assert not seen.startswith("/admin/"), target
    for host in ("ALL.test", "all.test:80", "all.test.", "a.WILD.test"):
        reply = await wire.exchange(gateway.http_port, wire.request("/", host))
        assert reply.status == 401, host
    for lines in (["Authorization: Basic x", "Authorization: Basic " + base64.b64encode(b"apr1:secret").decode()],
                  ["Connection: authorization"], ["X-Forwarded-User: apr1"], ["X-Original-URL: /"]):  # fmt: skip
        reply = await wire.exchange(gateway.http_port, wire.request("/", "all.test", *lines))
        assert reply.status in (400, 401), lines
    upgrade = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==",
    )
    assert (await wire.exchange(gateway.http_port, wire.request("/", "all.test", *upgrade))).status == 401


@pytest.mark.parametrize("place", ["/", "/.well-known/acme-challenge/x"])
async def test_challenges_of_authorities_need_no_password(site: Site, echo_a: Echo, place: str) -> None:
    paths = [manifests.path("/", "web:80"), manifests.path("/.well-known/acme-challenge/x", "web:80")]
    site.backend("web", echo_a.port)
    site.apply(users(site.namespace))
    site.ingress(paths, annotations=BASIC)
    await site.gateway.settled()
    assert (await site.get(place)).status_code == (401 if place == "/" else 200)


async def test_guessing_is_bounded_and_harms_only_its_own_host(site: Site, echo_a: Echo) -> None:
    await secured(site, echo_a)
    site.apply(users(site.namespace, f"joe:{USERS['apr1'][0]}", "others"))
    site.ingress(name="other", host=f"b.{site.host}", annotations={**BASIC, f"{NGINX}auth-secret": "others"})
    await site.gateway.settled()
    known = credentials("apr1", "secret")
    assert (await site.get(headers=known)).status_code == 200
    async with site.gateway.client() as client:
        found = [
            (await client.get("/", headers={"Host": site.host, **credentials("apr1", f"guess {n}")})).status_code
            for n in range(400)
        ]
        assert set(found) == {401, 503}
        assert (await client.get("/", headers={"Host": site.host, **known})).status_code in (200, 503)
    assert (await site.get(host=f"b.{site.host}", headers=credentials("joe", "secret"))).status_code == 200


async def test_upgrades_and_http2_are_asked_too(site: Site, echo_a: Echo) -> None:
    await secured(site, echo_a)
    key = "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng=="
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key)
    for given, status in ((credentials("apr1", "secret"), 101), (credentials("apr1", "wrong"), 401), ({}, 401)):
        lines = [*upgrade, *(f"{name}: {value}" for name, value in given.items())]
        assert (await wire.exchange(site.gateway.http_port, wire.request("/", site.host, *lines))).status == status
        reply = await site.get(headers=given, http2=True)
        assert reply.status_code == (200 if status == 101 else status)


def slow(new_gateway: NewGateway, echo: Echo, text: str, **options: Any) -> Gateway:
    return new_gateway(
        manifests.service("web", "shop"),
        manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo.port}),
        users("shop", text),
        manifests.ingress("web", "shop", {"shop.test": "web:80"}, annotations=BASIC),
        settings={"ingress": {"slow_passwords": True}},
        **options,
    ).start()


async def patient(gateway: Gateway, headers: dict[str, str]) -> int:
    """The status, as often asked for as there is too much to check."""

    async def answer() -> int:
        status = (await gateway.get("shop.test", headers=headers)).status_code
        return status if status != 503 else 0

    return int(await eventually(answer))


async def test_slow_forms_are_checked_beside_envoy_where_the_setting_allows_it(
    new_gateway: NewGateway, echo_a: Echo, tmp_path: Path
) -> None:
    """As nginx does, for the right and for wrong passwords; DES reads eight letters of a password."""
    text = "\n".join(f"{name}:{digest}" for name, (digest, _) in (USERS | SLOW).items())
    gateway = slow(new_gateway, echo_a, text)
    location = f'location / {{ auth_basic "x"; auth_basic_user_file {tmp_path}/users; try_files /none =204; }}'
    password_file(tmp_path, text)
    with Nginx(tmp_path, location) as nginx:
        for name, (_, password) in {"apr1": USERS["apr1"], **SLOW}.items():
            for given in (password, password + "x", password[:-1], ""):
                ours = await patient(gateway, credentials(name, given))
                theirs = (await nginx.get(headers=credentials(name, given))).status_code
                right = given == password or (name == "des" and given == password + "x")
                assert (ours, theirs) == ((200, 204) if right else (401, 401)), (name, given)
    assert [line for line in gateway.problems() if "shop/web" in line] == []


async def test_a_slow_password_is_hashed_once_and_then_known(new_gateway: NewGateway, echo_a: Echo) -> None:
    gateway = slow(new_gateway, echo_a, f"ann:{SLOW['bcrypt-10'][0]}\n")
    for _ in range(3):
        assert (await gateway.get("shop.test", headers=credentials("ann", "staple"))).status_code == 200
        assert (await gateway.get("shop.test", headers=credentials("ann", "wrong"))).status_code == 401
    asked = gateway.stats(r"^cluster\.sealos-passwords\.upstream_rq_total$")
    assert sum(asked.values()) == 2


async def test_guesses_at_slow_passwords_are_bounded_and_harm_only_their_own_host(
    new_gateway: NewGateway, echo_a: Echo
) -> None:
    gateway = slow(new_gateway, echo_a, f"ann:{SLOW['bcrypt-10'][0]}\n")
    gateway.apply(
        users("shop", f"joe:{SLOW['bcrypt'][0]}", "others"),
        manifests.ingress("b", "shop", {"b.test": "web:80"}, annotations={**BASIC, f"{NGINX}auth-secret": "others"}),
    )
    await gateway.settled()

    async def guess(number: int) -> int:
        return (await gateway.get("shop.test", headers=credentials("ann", f"guess {number}"))).status_code

    guesses = asyncio.gather(*(guess(number) for number in range(100)))
    others = [
        (await gateway.get("b.test", headers=credentials("joe", word))).status_code for word in ("x", "hörse", "y")
    ]
    assert others == [401, 200, 401]
    found = await guesses
    assert set(found) == {401, 503}
    assert found.count(401) <= 20, "ten at once and five a second"


async def test_slow_forms_are_told_where_the_setting_does_not_allow_them(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    text = f"sha:{sha('one')}\nann:{SLOW['bcrypt'][0]}\n"
    site.apply(users(site.namespace, text))
    site.ingress(annotations=BASIC)
    await site.gateway.settled()
    assert (await site.get(headers=credentials("ann", "hörse"))).status_code == 401
    [line] = [line for line in site.gateway.problems() if f"{site.namespace}/web" in line]
    assert "user 'ann'" in line
    assert "ingress.slow_passwords" in line
    assert SLOW["bcrypt"][0] not in line


async def test_a_node_apart_checks_slow_passwords_by_itself(tmp_path: Path, echo_a: Echo) -> None:
    """Also with the control plane gone: only that one knows the setting."""
    objects = [
        manifests.service("web", "shop"), manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
        users("shop", f"ann:{SLOW['bcrypt'][0]}\n"),
        manifests.ingress("web", "shop", {"shop.test": "web:80"}, annotations=BASIC),
    ]  # fmt: skip
    fleet = Fleet(tmp_path, objects, settings={"ingress": {"slow_passwords": True}})
    try:
        fleet.controls[0].start()
        node = fleet.node()
        node.start()
        assert (await node.get("shop.test")).status_code == 401
        fleet.controls[0].kill()
        assert (await node.get("shop.test", headers=credentials("ann", "hörse"))).status_code == 200
        assert (await node.get("shop.test", headers=credentials("ann", "horse"))).status_code == 401
    finally:
        fleet.stop()
