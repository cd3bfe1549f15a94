"""The chart as Helm renders it, in every mode: valid, strict, and with as few rights as it can have."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import msgspec
import pytest
import yaml

from sealos_gateway import settings
from tests.chart import helm
from tests.chart.helm import Object

pytestmark = [pytest.mark.skipif(bool(helm.missing()), reason=helm.missing()), pytest.mark.timeout(60)]

MODES = ("standalone",)
#: Values that turn every optional part on.
EVERYTHING: Object = {
    "publishAddresses": ["203.0.113.7"],
    "scope": {"namespaceSelector": "tenant=yes"},
    "image": {"pullSecrets": ["registry"]},
    "serviceAccount": {"annotations": {"a": "b"}},
    "settings": {"http": {"trusted_hops": 1}, "tls": {"default_certificates": [{"pattern": "*", "secret": "a/b"}]}},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_lint_finds_nothing(tmp_path: Path, mode: str, values: Object) -> None:
    file = helm.values_file(tmp_path, {**values, "mode": mode})
    done = helm.call("lint", "--strict", str(helm.CHART), "--values", str(file))
    assert done.returncode == 0, done.stdout
    assert "0 chart(s) failed" in done.stdout


@pytest.mark.parametrize("mode", MODES)
def test_every_object_is_in_the_namespace_and_carries_the_labels(tmp_path: Path, mode: str) -> None:
    cluster_wide = {"ClusterRole", "ClusterRoleBinding", "IngressClass"}
    for made in helm.render(tmp_path, {**EVERYTHING, "mode": mode}):
        metadata = made["metadata"]
        assert metadata.get("namespace") == (None if made["kind"] in cluster_wide else helm.NAMESPACE), made
        assert metadata["labels"]["app.kubernetes.io/instance"] == "gw", made


@pytest.mark.parametrize("mode", MODES)
def test_containers_have_no_more_rights_than_they_need(tmp_path: Path, mode: str) -> None:
    found = helm.pods(helm.render(tmp_path, {"mode": mode}))
    assert found
    for pod in found:
        security = pod["spec"]["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"]) == (True, 65532)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["spec"]["containers"]:
            rights = container["securityContext"]
            assert rights["readOnlyRootFilesystem"] is True
            assert rights["allowPrivilegeEscalation"] is False
            assert rights["capabilities"]["drop"] == ["ALL"]
            assert bool(rights["capabilities"].get("add")) is bool(pod["spec"].get("hostNetwork"))
            assert {"requests", "limits"} <= container["resources"].keys()


@pytest.mark.parametrize("mode", MODES)
def test_the_settings_are_what_the_gateway_accepts(tmp_path: Path, mode: str) -> None:
    text = helm.one(helm.render(tmp_path, {**EVERYTHING, "mode": mode}), "ConfigMap", "gw-sealos-gateway")
    found = msgspec.convert(yaml.safe_load(text["data"]["settings.yaml"]), settings.Settings)
    settings.check(found)
    assert found.http.trusted_hops == 1
    assert found.kubernetes.publish_addresses == ("203.0.113.7",)
    assert found.ingress.classes == ("sealos",)


def test_changed_settings_make_new_pods_and_other_changes_do_not(tmp_path: Path) -> None:
    def checksum(values: Object) -> str:
        (pod,) = helm.pods(helm.render(tmp_path, {"mode": "standalone", **values}))
        found: str = pod["metadata"]["annotations"]["checksum/settings"]
        return found

    assert checksum({"settings": {"http": {"trusted_hops": 1}}}) != checksum({})
    assert checksum({"gateway": {"replicas": 7}}) == checksum({})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"gatway": {}}, "'gatway' not allowed"),
        ({"gateway": {"replica": 2}}, "'replica' not allowed"),
        ({"mode": "damonset"}, "value must be"),
        ({"settings": {"http": {"trusted_hop": 1}}}, "'trusted_hop' not allowed"),
        ({"settings": {"http_port": 1}}, "'http_port' not allowed"),
        ({"settings": {"http": {"trusted_hops": "one"}}}, "got string, want integer"),
        ({"image": {"digest": "sha256:short"}}, "does not match pattern"),
        ({"scope": {"namespaces": ["a"], "namespaceSelector": "b=c"}}, "not both"),
        ({"rbac": {"secrets": {"access": "named"}}}, "list the Secrets in rbac.secrets.names"),
        ({"serviceAccount": {"create": False}}, "say its name"),
    ],
)
def test_wrong_values_are_refused_in_words(tmp_path: Path, values: Object, told: str) -> None:
    assert told in helm.refused(tmp_path, values)


def rules(objects: list[Object]) -> set[tuple[str, str, str, tuple[str, ...]]]:
    """(role, resource, verb, names) of everything that is allowed."""
    return {
        (f"{role['metadata'].get('namespace', '*')}/{role['metadata']['name']}", resource, verb, tuple(names))
        for role in objects
        if role["kind"] in ("Role", "ClusterRole")
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for names in [rule.get("resourceNames", [])]
    }


def test_nothing_lists_secrets_unless_told(tmp_path: Path) -> None:
    allowed = rules(helm.render(tmp_path, {}))
    assert {it[2] for it in allowed if it[1] == "secrets"} == {"get"}
    watching = rules(helm.render(tmp_path, {"rbac": {"secrets": {"watch": True}}}))
    assert {it[2] for it in watching if it[1] == "secrets"} == {"get", "list", "watch"}


def test_named_secrets_are_all_that_can_be_read(tmp_path: Path) -> None:
    names = [{"namespace": "shop", "names": ["shop-tls"]}]
    values = {"rbac": {"secrets": {"access": "named", "names": names, "watch": True}}}
    found = {it for it in rules(helm.render(tmp_path, values)) if it[1] == "secrets"}
    assert {(it[0], it[3]) for it in found} == {("shop/gw-sealos-gateway-secrets", ("shop-tls",))}
    assert {it[2] for it in found} == {"get", "list", "watch"}


def test_listed_namespaces_mean_that_nothing_in_others_can_be_read(tmp_path: Path) -> None:
    objects = helm.render(tmp_path, {"scope": {"namespaces": ["a", "b"]}})
    everywhere = {it[1] for it in rules(objects) if it[0].startswith("*/")}
    assert everywhere == {"ingressclasses"}
    assert {it[0] for it in rules(objects) if it[1] == "ingresses"} == {
        "a/gw-sealos-gateway-objects",
        "b/gw-sealos-gateway-objects",
    }
    arguments = helm.pods(objects)[0]["spec"]["containers"][0]["args"]
    assert {"--namespace=a", "--namespace=b"} <= set(arguments)


def test_status_of_ingresses_can_be_written_only_when_there_is_something_to_write(tmp_path: Path) -> None:
    assert "ingresses/status" not in {it[1] for it in rules(helm.render(tmp_path, {}))}
    published = helm.render(tmp_path, {"publishAddresses": ["203.0.113.7"]})
    assert {it[2] for it in rules(published) if it[1] == "ingresses/status"} == {"patch"}


def test_the_static_manifest_is_up_to_date() -> None:
    path = helm.ROOT / "deploy" / "static" / "render.py"
    spec = importlib.util.spec_from_file_location("render", path)
    assert spec
    assert spec.loader
    render = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(render)
    assert render.FILE.read_text() == render.rendered(), "run `make static`"
