"""`satisfy`: every check, or one of them; beside a real nginx."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.nginx import Nginx
from tests.e2e.policies.auth_service import auth_service
from tests.e2e.policies.test_basic_auth import BASIC, credentials, password_file, users

NGINX = "nginx.ingress.kubernetes.io/"
CASES = list(itertools.product(("all", "any"), ("inside", "outside", "denied", ""), ("basic", ""), (0, 200, 401, 403)))


@pytest.mark.timeout(240)
async def test_as_nginx_decides(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    """Every combination of networks, password and service, each asked without and with the right password."""
    site.backend("web", echo_a.port)
    site.apply(users(site.namespace))
    password_file(tmp_path)
    ranges = {
        "inside": ({"allowlist-source-range": "127.0.0.0/8"}, "allow 127.0.0.0/8; deny all;"),
        "outside": ({"allowlist-source-range": "10.0.0.0/8"}, "allow 10.0.0.0/8; deny all;"),
        "denied": ({"denylist-source-range": "127.0.0.1/32"}, "deny 127.0.0.1/32;"),
        "": ({}, ""),
    }
    async with auth_service() as service:
        site.backend("auth", service.port)
        servers = []
        for number, (satisfy, networks, basic, status) in enumerate(CASES):
            annotations = {f"{NGINX}{name}": text for name, text in ranges[networks][0].items()}
            annotations |= {f"{NGINX}satisfy": satisfy, **(BASIC if basic else {})}
            external = ""
            if status:
                place = f"http://auth.{site.namespace}.svc.cluster.local/?status={status}"
                annotations[f"{NGINX}auth-url"] = place
                external = f"auth_request /_auth{number};"
            site.ingress(name=f"i{number}", host=f"i{number}.{site.host}", annotations=annotations)
            file = f'auth_basic "shop"; auth_basic_user_file {tmp_path}/users;' if basic else ""
            servers.append(
                f"server {{ listen 127.0.0.1:{{port}}; server_name i{number}.{site.host};"
                f" location = /_auth{number} {{ internal; proxy_pass_request_body off;"
                f" proxy_pass http://127.0.0.1:{service.port}/?status={status or 200}; }}"
                f" location / {{ satisfy {satisfy}; {ranges[networks][1]} {file} {external}"
                f" try_files /none =204; }} }}"
            )
        await site.gateway.settled()
        with Nginx(tmp_path, "", "\n".join(servers)) as nginx:
            for number, case in enumerate(CASES):
                for headers in ({}, credentials("sha", "pässword")):
                    host = f"i{number}.{site.host}"
                    ours = await site.get(host=host, headers=headers)
                    theirs = await nginx.get(host=host, headers=headers)
                    assert (ours.status_code if ours.status_code != 200 else 204) == theirs.status_code, (case, headers)
