"""Nothing of a Secret is seen by people: not in dumps, explanations, problems, or the text of values."""

from __future__ import annotations

import json

from sealos_gateway import dump, explain
from sealos_gateway.resources import core, kinds
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Metadata
from tests import objects

NGINX = "nginx.ingress.kubernetes.io/"
DIGEST = "5en6G6MezRroT3XKqkdPOmY/BfQ="
BCRYPT = "$2y$05$0123456789012345678901uUPuE6rsR9UWVkiZMTQNfcW/7IZzJhW"


def test_digests_of_passwords() -> None:
    users = core.Secret(Metadata("users", "shop"), data={"auth": f"joe:{{SHA}}{DIGEST}\nann:{BCRYPT}".encode()})
    basic = {f"{NGINX}auth-type": "basic", f"{NGINX}auth-secret": "users"}
    web = objects.ingress("web", objects.rule("a.test", objects.path("/")), annotations=basic)
    made = objects.pipeline(objects.service(), web, users)
    routes = next(iter(made.hosts.rows.values())).routes
    assert routes[0].policy is not None
    assert routes[0].policy.basic_auth is not None, "else there would be nothing to hide"
    seen = json.dumps(dump.per_object(made)) + repr(explain.explain("http://a.test/", made))
    seen += repr(made.problems()) + repr(made.policies.rows) + repr(made.hosts.rows) + repr(made.secrets.rows)
    assert "[redacted]" in seen
    for part in (DIGEST, BCRYPT, DIGEST[:12], BCRYPT[7:20]):
        assert part not in seen


def test_a_changed_secret_of_passwords_computes_its_own_host_only() -> None:
    def secret(name: str, digest: str) -> core.Secret:
        return core.Secret(Metadata(name, "shop"), data={"auth": f"joe:{{SHA}}{digest}".encode()})

    def web(number: int, name: str) -> Ingress:
        basic = {f"{NGINX}auth-type": "basic", f"{NGINX}auth-secret": name}
        rule = objects.rule(f"h{number}.test", objects.path("/"))
        return objects.ingress(f"i{number}", rule, annotations=basic)

    made = objects.pipeline(
        objects.service(), secret("one", DIGEST), secret("many", DIGEST), web(0, "one"),
        *(web(number, "many") for number in range(1, 50)),
    )  # fmt: skip
    before = made.policies.computed, made.hosts.computed
    changed = secret("one", "W6ph5Mm5Pz8GgiULbPgzG37mj9g=")
    made.put(kinds.SECRET, changed.ref, changed)
    assert made.settle()
    assert (made.policies.computed - before[0], made.hosts.computed - before[1]) == (1, 1)
