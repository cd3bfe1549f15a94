"""Namespaces that are selected by label, and change."""

from sealos_gateway.kube.inbox import Inbox
from sealos_gateway.kube.selection import Namespaces, Selection
from sealos_gateway.resources import core, kinds
from sealos_gateway.resources.meta import Identity, Ref, Resource


def service(name: str, namespace: str) -> Resource:
    return core.Service(Identity(name, namespace, "1"))


class Recorded:
    def __init__(self) -> None:
        self.inbox = Inbox()
        self.selection = Selection(self.inbox)

    def put(self, name: str, namespace: str) -> None:
        self.selection.put(kinds.SERVICE, Ref(namespace, name), service(name, namespace))

    def drop(self, name: str, namespace: str) -> None:
        self.selection.drop(kinds.SERVICE, Ref(namespace, name))

    def taken(self) -> set[str]:
        update = self.inbox.take()
        return {f"+{ref}" for _, ref, _ in update.puts} | {f"-{ref}" for _, ref in update.drops}


def test_only_what_lies_in_selected_namespaces_passes() -> None:
    it = Recorded()
    it.selection.select("shop")
    it.put("web", "shop")
    it.put("web", "other")
    assert it.taken() == {"+shop/web"}
    it.drop("web", "other")
    assert it.taken() == set()


def test_a_namespace_comes_and_goes_with_all_it_holds() -> None:
    it = Recorded()
    it.put("a", "shop")
    it.put("b", "shop")
    it.put("c", "other")
    it.selection.select("shop")
    assert it.taken() == {"+shop/a", "+shop/b"}
    it.selection.select("shop")
    assert it.taken() == set(), "selected already"
    it.drop("b", "shop")
    it.taken()
    it.selection.deselect("shop")
    assert it.taken() == {"-shop/a"}
    it.selection.deselect("shop")
    assert it.taken() == set()


def test_what_changed_while_not_selected_comes_as_it_is_then() -> None:
    it = Recorded()
    it.put("gone", "shop")
    it.drop("gone", "shop")
    it.put("new", "shop")
    it.selection.select("shop")
    assert it.taken() == {"+shop/new"}


def test_the_namespaces_themselves_pass_only_where_they_are_wanted() -> None:
    for wanted in (True, False):
        it = Recorded()
        it.put("a", "shop")
        it.taken()
        sink = Namespaces(it.selection, it.inbox, wanted)
        sink.put(kinds.NAMESPACE, Ref("", "shop"), core.Namespace(core.NamespaceMetadata("shop")))
        assert it.taken() == {"+shop/a", "+shop"} if wanted else {"+shop/a"}
        sink.drop(kinds.NAMESPACE, Ref("", "shop"))
        assert it.taken() == {"-shop/a", "-shop"} if wanted else {"-shop/a"}
