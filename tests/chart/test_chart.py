"""The chart as Helm renders it, in every mode: valid, strict, and with as few rights as it can have."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import msgspec
import pytest
import yaml

from sealos_gateway import definitions, settings
from sealos_gateway.provision import versions
from sealos_gateway.resources import kinds
from sealos_gateway.webhook import injection
from tests.chart import helm
from tests.chart.helm import Object
from tests.e2e import test_sealos_contracts as contracts

pytestmark = [pytest.mark.skipif(bool(helm.missing()), reason=helm.missing()), pytest.mark.timeout(60)]

MODES = ("daemonset", "deployment", "sidecar", "standalone")
#: Values that turn every optional part on.
LEAST: Object = {"sidecar": {"accounts": ["shop/web"]}}
EVERYTHING: Object = {
    "publishAddresses": ["203.0.113.7"],
    "scope": {"namespaceSelector": "tenant=yes"},
    "sidecar": {"accounts": ["shop/web"]},
    "image": {"pullSecrets": ["registry"]},
    "serviceAccount": {"annotations": {"a": "b"}},
    "settings": {"http": {"trusted_hops": 1}, "tls": {"default_certificates": [{"pattern": "*", "secret": "a/b"}]}},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("values", [LEAST, EVERYTHING], ids=["defaults", "everything"])
def test_lint_finds_nothing(tmp_path: Path, mode: str, values: Object) -> None:
    file = helm.values_file(tmp_path, {**values, "mode": mode})
    done = helm.call("lint", "--strict", str(helm.CHART), "--values", str(file))
    assert done.returncode == 0, done.stdout
    assert "0 chart(s) failed" in done.stdout


@pytest.mark.parametrize("mode", MODES)
def test_every_object_is_in_the_namespace_and_carries_the_labels(tmp_path: Path, mode: str) -> None:
    cluster_wide = {"ClusterRole", "ClusterRoleBinding", "IngressClass", "MutatingWebhookConfiguration"}
    for made in helm.render(tmp_path, {**EVERYTHING, "mode": mode}):
        metadata = made["metadata"]
        assert metadata.get("namespace") == (None if made["kind"] in cluster_wide else helm.NAMESPACE), made
        assert metadata["labels"]["app.kubernetes.io/instance"] == "gw", made


@pytest.mark.parametrize("mode", MODES)
def test_containers_have_no_more_rights_than_they_need(tmp_path: Path, mode: str) -> None:
    found = helm.pods(helm.render(tmp_path, {**LEAST, "mode": mode}))
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
    assert text["data"].keys() == ({"standalone.yaml"} if mode == "standalone" else {"control.yaml", "node.yaml"})
    for file in text["data"].values():
        found = msgspec.convert(yaml.safe_load(file), settings.Settings)
        settings.check(found)
        assert found.http.trusted_hops == 1
        assert found.kubernetes.publish_addresses == ("203.0.113.7",)
        assert found.ingress.classes == ("sealos",)


@pytest.mark.parametrize("mode", MODES)
def test_the_settings_for_sealos_are_those_its_contracts_are_tested_with(tmp_path: Path, mode: str) -> None:
    sealos = {"domain": contracts.DOMAIN, "challenge": contracts.CHALLENGER}
    text = helm.one(helm.render(tmp_path, {**LEAST, "mode": mode, "sealos": sealos}), "ConfigMap", "gw-sealos-gateway")
    for file in map(yaml.safe_load, text["data"].values()):
        msgspec.convert(file, settings.Settings)
        del file["http"]["https_redirect_port"], file["envoy"]["drain_seconds"]  # of the chart in every case
        assert {group: file[group] for group in contracts.SETTINGS} == contracts.SETTINGS


def test_what_a_user_sets_wins_over_what_sealos_wants(tmp_path: Path) -> None:
    said = {"http": {"max_request_headers_kb": 64}, "ingress": {"on_every_host": ["mine/challenge"]}}
    values = {"sealos": {"domain": "c.test"}, "settings": said, "ingressClass": {"name": "nginx"}}
    text = helm.one(helm.render(tmp_path, values), "ConfigMap", "gw-sealos-gateway")["data"]["control.yaml"]
    found = msgspec.convert(yaml.safe_load(text), settings.Settings)
    assert (found.http.max_request_headers_kb, found.http.max_concurrent_streams) == (64, 150)
    assert (found.ingress.on_every_host, found.ingress.classes) == (("mine/challenge",), ("nginx",))


@pytest.mark.parametrize("sealos", [{"domain": "*.c.test"}, {"domain": "https://c.test"}, {"certificate": "cert"}])
def test_a_cloud_that_cannot_be_one_is_refused(tmp_path: Path, sealos: Object) -> None:
    assert f"/sealos/{next(iter(sealos))}" in helm.refused(tmp_path, {"sealos": sealos})


@pytest.mark.parametrize(
    ("mode", "ports", "redirect"),
    [("daemonset", (80, 443), 0), ("deployment", (8080, 8443), 443), ("sidecar", (15080, 15443), 0),
     ("standalone", (8080, 8443), 443)],
)  # fmt: skip
def test_ports_fit_to_the_mode_and_to_each_other(
    tmp_path: Path, mode: str, ports: tuple[int, int], redirect: int
) -> None:
    objects = helm.render(tmp_path, {**LEAST, "mode": mode})
    for file in helm.one(objects, "ConfigMap", "gw-sealos-gateway")["data"].values():
        found = msgspec.convert(yaml.safe_load(file), settings.Settings)
        assert (found.http_port, found.https_port, found.http.https_redirect_port) == (*ports, redirect)
    declared = {
        port["containerPort"]
        for pod in [*helm.pods(objects), sidecar_pod(objects)]
        for container in pod["spec"]["containers"]
        for port in container["ports"]
    }
    assert set(ports) <= declared


def sidecar_pod(objects: list[Object]) -> Object:
    """What the webhook adds, as a pod template; without containers in other modes."""
    found = [it["data"]["sidecar.yaml"] for it in objects if "sidecar.yaml" in it.get("data", {})]
    return {"spec": {"containers": [yaml.safe_load(text)["container"] for text in found]}}


def test_what_the_webhook_adds_can_be_read_by_it(tmp_path: Path) -> None:
    objects = helm.render(tmp_path, {**LEAST, "mode": "sidecar"})
    text = helm.one(objects, "ConfigMap", "gw-sealos-gateway-webhook")["data"]["sidecar.yaml"]
    found = msgspec.convert(yaml.safe_load(text), injection.Sidecar)
    assert found.accounts == ["shop/web"]
    inside = yaml.safe_load(found.annotations["sealos.io/sidecar-settings"])
    assert inside["node"]["control"] == "gw-sealos-gateway-control.gateways.svc"
    assert inside["control"]["node_accounts"] == ["shop/web"]
    asking = {"metadata": {"annotations": {injection.ASKED: "true"}}, "spec": {"serviceAccountName": "web"}}
    assert injection.patch(asking, "shop", found)


def test_only_pods_that_ask_meet_the_webhook(tmp_path: Path) -> None:
    objects = helm.render(tmp_path, {**LEAST, "mode": "sidecar"})
    (hook,) = helm.one(objects, "MutatingWebhookConfiguration")["webhooks"]
    (condition,) = hook["matchConditions"]
    assert injection.ASKED in condition["expression"]
    assert hook["failurePolicy"] == "Fail"


def test_nodes_have_no_rights_in_the_cluster(tmp_path: Path) -> None:
    for mode in ("daemonset", "deployment"):
        objects = helm.render(tmp_path, {"mode": mode})
        bound = {s["name"] for it in objects if it["kind"].endswith("RoleBinding") for s in it["subjects"]}
        assert bound == {"gw-sealos-gateway"}
        pod = helm.one(objects, "DaemonSet" if mode == "daemonset" else "Deployment", "gw-sealos-gateway")
        spec = pod["spec"]["template"]["spec"]
        assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("gw-sealos-gateway-node", False)


def test_nothing_can_be_created_but_events_and_questions(tmp_path: Path) -> None:
    """What the gateway keeps for itself is made by the chart, so that it goes with the release."""
    for mode in MODES:
        made = {it[1] for it in rules(helm.render(tmp_path, {**LEAST, "mode": mode})) if it[2] == "create"}
        assert made == {"events"} | (set() if mode == "standalone" else {"tokenreviews"})


def test_a_folder_of_the_node_and_its_kernel_settings_are_asked_for(tmp_path: Path) -> None:
    values = {"gateway": {"state": {"hostPath": "/var/lib/gw"}, "sysctls": {"net.core.somaxconn": "4096"}}}
    assert "sysctlsOnHost: true" in helm.refused(tmp_path, values)
    values["gateway"]["sysctlsOnHost"] = True  # type: ignore[assignment]
    spec = helm.one(helm.render(tmp_path, values), "DaemonSet")["spec"]["template"]["spec"]
    chown, sysctls = spec["initContainers"]
    assert chown["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}
    assert sysctls["command"][-1] == 'echo "4096" > /proc/sys/net/core/somaxconn\n'
    deployed = helm.render(tmp_path, {"mode": "deployment", "gateway": {"sysctls": {"net.core.somaxconn": "4096"}}})
    pod = helm.one(deployed, "Deployment", "gw-sealos-gateway")["spec"]["template"]["spec"]
    assert pod["securityContext"]["sysctls"] == [{"name": "net.core.somaxconn", "value": "4096"}]


def test_the_class_may_be_that_of_another_controller(tmp_path: Path) -> None:
    values = {"ingressClass": {"name": "nginx"}}
    objects = helm.render(tmp_path, values)
    made = helm.one(objects, "IngressClass", "nginx")
    assert made["spec"]["controller"] == settings.IngressSettings().controller
    text = helm.one(objects, "ConfigMap", "gw-sealos-gateway")["data"]["control.yaml"]
    assert yaml.safe_load(text)["ingress"]["classes"] == ["nginx"]
    values["ingressClass"]["create"] = False  # type: ignore[assignment]
    assert [it for it in helm.render(tmp_path, values) if it["kind"] == "IngressClass"] == []


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
        ({"mode": "sidecar"}, "sidecar.accounts"),
        ({"mode": "standalone", "gatewayApi": {"dataPlanes": True}}, "any mode but standalone"),
        ({"sidecar": {"accounts": ["shop"]}}, "does not match pattern"),
        ({"sidecar": {"webhook": {"certificate": {"existingSecret": "x"}}, "accounts": ["a/b"]}}, "say caBundle"),
        ({"gateway": {"sysctls": {"a; rm": "1"}}}, "does not match pattern"),
        ({"gateway": {"sysctls": {"net.a": "$(id)"}}}, "does not match pattern"),
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
    def verbs(values: Object) -> set[str]:
        """On Secrets of others."""
        return {it[2] for it in rules(helm.render(tmp_path, values)) if it[1] == "secrets" and not it[3]}

    assert verbs({}) == {"get"}
    assert verbs({"rbac": {"secrets": {"watch": True}}}) == {"get", "list", "watch"}


def test_named_secrets_are_all_that_can_be_read(tmp_path: Path) -> None:
    names = [{"namespace": "shop", "names": ["shop-tls"]}]
    values = {"rbac": {"secrets": {"access": "named", "names": names, "watch": True}}}
    own = ("gw-sealos-gateway-ca",)
    found = {it for it in rules(helm.render(tmp_path, values)) if it[1] == "secrets" and it[3] != own}
    assert {(it[0], it[3]) for it in found} == {("shop/gw-sealos-gateway-secrets", ("shop-tls",))}
    assert {it[2] for it in found} == {"get", "list", "watch"}


def test_listed_namespaces_mean_that_nothing_in_others_can_be_read(tmp_path: Path) -> None:
    objects = helm.render(tmp_path, {"scope": {"namespaces": ["a", "b"]}})
    everywhere = {it[1] for it in rules(objects) if it[0].startswith("*/")}
    without_namespace = {"ingressclasses", "namespaces", "gatewayclasses", "gatewayclasses/status"}
    assert everywhere == without_namespace | {"tokenreviews", "clustertrustbundles", "customresourcedefinitions"}
    assert {it[0] for it in rules(objects) if it[1] == "ingresses"} == {
        "a/gw-sealos-gateway-objects",
        "b/gw-sealos-gateway-objects",
    }
    control = helm.one(objects, "Deployment", "gw-sealos-gateway-control")
    arguments = control["spec"]["template"]["spec"]["containers"][0]["args"]
    assert {"--namespace=a", "--namespace=b"} <= set(arguments)


def test_data_planes_bring_the_rights_to_make_them(tmp_path: Path) -> None:
    objects = helm.render(tmp_path, {"gatewayApi": {"dataPlanes": True}})
    assert {"deployments", "services"} <= {it[1] for it in rules(objects) if it[2] == "create"}
    text = helm.one(objects, "ConfigMap", "gw-sealos-gateway")["data"]["control.yaml"]
    found = msgspec.convert(yaml.safe_load(text), settings.Settings).gateway_api
    assert (found.control, found.image) == ("gw-sealos-gateway-control.gateways.svc", "labring/sealos-gateway:0.1.0")


def test_shared_gateways_behind_a_service_have_its_ports(tmp_path: Path) -> None:
    more = [{"port": 9000}, {"port": 53, "protocol": "UDP"}]
    objects = helm.render(tmp_path, {"mode": "deployment", "service": {"more": more}})
    text = helm.one(objects, "ConfigMap", "gw-sealos-gateway")["data"]["control.yaml"]
    found = msgspec.convert(yaml.safe_load(text), settings.Settings).gateway_api
    assert (found.shared_http_port, found.shared_https_port) == (80, 443)
    assert (found.shared_tcp_ports, found.shared_udp_ports) == ((9000,), (53,))
    ports = helm.one(objects, "Service", "gw-sealos-gateway")["spec"]["ports"]
    assert [(it["port"], it["targetPort"], it.get("protocol", "TCP")) for it in ports] == [
        (80, "http", "TCP"), (443, "https", "TCP"), (9000, 9000, "TCP"), (53, 53, "UDP"),
    ]  # fmt: skip
    allowed = helm.one(objects, "NetworkPolicy", "gw-sealos-gateway-gateway")["spec"]["ingress"][0]["ports"]
    assert {"port": 53, "protocol": "UDP"} in allowed
    on_nodes = helm.one(helm.render(tmp_path, {}), "ConfigMap", "gw-sealos-gateway")["data"]["control.yaml"]
    assert "gateway_api" not in yaml.safe_load(on_nodes)


def test_every_kind_that_is_read_may_be_read(tmp_path: Path) -> None:
    allowed = {it[1] for it in rules(helm.render(tmp_path, {})) if it[2] in ("list", "get")}
    assert {kind.plural for kind in kinds.ALL} - allowed == set()
    named = {it[3] for it in rules(helm.render(tmp_path, {})) if it[1] == "customresourcedefinitions"}
    assert named == {tuple(versions.NAMES)}
    without = {it[1] for it in rules(helm.render(tmp_path, {"gatewayApi": {"enabled": False}}))}
    assert "httproutes" not in without


def test_definitions_in_the_chart_are_those_of_the_code() -> None:
    assert definitions.main([str(helm.CHART / "crds"), "--check"]) == 0


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
