"""The folder of manifests as users change it: every way of writing a file, and what a broken one does."""

from __future__ import annotations

import json

import yaml

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.harness import eventually


def objects(site: Site, port: int) -> list[manifests.Object]:
    return [
        manifests.service("web", site.namespace),
        manifests.endpoint_slice("web", site.namespace, ["127.0.0.1"], {"http": port}),
        manifests.ingress("web", site.namespace, {site.host: "web:80"}),
    ]


async def answers(site: Site, name: str, path: str = "/") -> None:
    async def said() -> None:
        assert (await site.answer(path))["name"] == name

    await eventually(said)


async def answers_404(site: Site) -> None:
    async def gone() -> None:
        assert (await site.get()).status_code == 404

    await eventually(gone)


async def test_a_file_is_added_changed_and_removed(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    assert (await site.get()).status_code == 404
    site.apply(*objects(site, echo_a.port))
    await answers(site, "echo-a")
    site.apply(*objects(site, echo_b.port))
    await answers(site, "echo-b")
    site.clean()
    await answers_404(site)


async def test_yaml_with_several_documents(site: Site, echo_a: Echo) -> None:
    name = f"{site.namespace}.yaml"
    site.gateway.write(name, "---\n" + yaml.safe_dump_all(objects(site, echo_a.port)) + "---\n")
    await answers(site, "echo-a")
    site.gateway.delete(file=name)
    await answers_404(site)


async def test_a_list_in_json_and_in_yaml(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    site.gateway.apply(*objects(site, echo_a.port), file=f"{site.namespace}.json")
    await answers(site, "echo-a")
    site.gateway.delete(file=f"{site.namespace}.json")
    await answers_404(site)
    site.gateway.write(f"{site.namespace}.yml", yaml.safe_dump(manifests.listed(objects(site, echo_b.port))))
    await answers(site, "echo-b")
    site.gateway.delete(file=f"{site.namespace}.yml")
    await answers_404(site)


async def test_files_in_new_folders_are_found(site: Site, echo_a: Echo) -> None:
    for one in objects(site, echo_a.port):
        site.gateway.write(f"{site.namespace}/deep/{one['kind']}.json", json.dumps(one))
    await answers(site, "echo-a")
    for one in objects(site, echo_a.port):
        site.gateway.delete(file=f"{site.namespace}/deep/{one['kind']}.json")
    await answers_404(site)


async def test_a_half_written_file_keeps_the_last_good_state_and_names_the_line(
    site: Site, echo_a: Echo, echo_b: Echo
) -> None:
    name = f"{site.namespace}.yaml"
    whole = yaml.safe_dump_all(objects(site, echo_a.port))
    path = site.gateway.write(name, whole)
    await answers(site, "echo-a")

    half = [*whole.splitlines()[:5], "  ports: [80, {", ""]
    path.write_text("\n".join(half))  # in place, as an editor or a slow copy does it

    def told() -> list[str]:
        return [problem for problem in site.gateway.problems() if name in problem]

    problems = await eventually(told)
    assert len(problems) == 1
    assert "line 6" in problems[0] or "line 7" in problems[0], problems
    await answers(site, "echo-a")

    path.write_text(yaml.safe_dump_all(objects(site, echo_b.port)))
    await answers(site, "echo-b")
    assert not told()
    site.gateway.delete(file=name)
    await answers_404(site)


async def test_one_broken_object_does_not_hold_back_the_others(site: Site, echo_a: Echo) -> None:
    broken = manifests.ingress("broken", site.namespace, {"not a host!": "web:80"})
    site.apply(broken, *objects(site, echo_a.port))
    await answers(site, "echo-a")

    def told() -> bool:
        return any("broken" in problem and "InvalidHost" in problem for problem in site.gateway.problems())

    await eventually(told)
    assert site.gateway.metric("sgw_problems") >= 1
