"""Companions: what a row needs is with the client before the row, though the client never asks for it."""

from __future__ import annotations

from sealos_gateway.xds.messages import AsIs
from tests.xds.playbook import C, E, Playbook, R, ack, nack, sends, want


class Hooks(AsIs):
    """A route whose body is `+a+b` needs the clusters a and b."""

    def companions(self, type_: str, body: bytes) -> tuple[tuple[str, str], ...]:
        return tuple((C, name.decode()) for name in body.split(b"+")[1:]) if type_ == R else ()

    def followed(self, type_: str, body: bytes) -> bool:
        return type_ != C or body != b"shut"


def lazy() -> Playbook:
    """A client with wildcard clusters that holds none of the lazy ones, and asks for a route that needs `a`."""
    talk = Playbook(follows={C: E}, break_last=frozenset({C, E}), hooks=Hooks())
    talk.lazily(C, a="1", other="1").lazily(E, a="1").lazily(R, r="+a").commit()
    return talk >> want(C) << sends(C) >> ack(C) >> want(E, "none") << sends(E, "none") >> ack(E) >> want(R, "r")


def test_the_companion_and_its_endpoints_go_first() -> None:
    talk = lazy()
    (talk << sends(C, a="1")).quiet()
    (talk >> want(E, "a") << sends(E, a="1")).quiet()
    (talk >> ack(C)).quiet()
    (talk >> ack(E) << sends(R, r="+a") >> ack(R)).quiet()


def test_a_companion_that_the_client_has_holds_nothing_back() -> None:
    talk = lazy()
    talk << sends(C, a="1") >> want(E, "a") << sends(E, a="1") >> ack(C) >> ack(E) << sends(R, r="+a") >> ack(R)
    talk.lazily(R, r="+a changed").commit() << sends(R, r="+a changed")


def test_a_companion_is_kept_up_to_date() -> None:
    talk = lazy()
    talk << sends(C, a="1") >> want(E, "a") << sends(E, a="1") >> ack(C) >> ack(E) << sends(R, r="+a") >> ack(R)
    talk.lazily(C, a="2").commit() << sends(C, a="2") << sends(E, a="1")


def test_a_companion_that_does_not_exist_is_not_waited_for() -> None:
    talk = Playbook(hooks=Hooks()).lazily(R, r="+gone").commit()
    talk >> want(C) << sends(C) >> ack(C) >> want(R, "r") << sends(R, r="+gone")


def test_a_companion_without_endpoints_of_its_own_is_enough_by_itself() -> None:
    talk = Playbook(follows={C: E}, hooks=Hooks()).lazily(C, dns="1").lazily(R, r="+dns").commit()
    (talk >> want(C) << sends(C) >> ack(C) >> want(R, "r") << sends(C, dns="1")).quiet()
    talk >> ack(C) << sends(R, r="+dns")


def test_a_refused_companion_does_not_hold_the_route_back_for_ever() -> None:
    talk = lazy()
    talk << sends(C, a="1") >> nack(C)
    talk << sends(R, r="+a")


def test_several_companions_are_all_waited_for() -> None:
    talk = Playbook(pieces={C: 1}, hooks=Hooks()).lazily(C, a="1", b="1").lazily(R, r="+a+b").commit()
    talk >> want(C) << sends(C) >> ack(C) >> want(R, "r") << sends(C, a="1")
    (talk.quiet() >> ack(C) << sends(C, b="1")).quiet()
    talk >> ack(C) << sends(R, r="+a+b")


def test_a_companion_of_which_no_endpoints_will_be_asked_for_is_enough_by_itself() -> None:
    """Though there are some: a cluster that is shut."""
    talk = Playbook(follows={C: E}, hooks=Hooks()).lazily(C, a="shut").lazily(E, a="1").lazily(R, r="+a").commit()
    talk >> want(C) << sends(C) >> ack(C) >> want(E, "none") << sends(E, "none") >> ack(E) >> want(R, "r")
    (talk << sends(C, a="shut")).quiet()
    talk >> ack(C) << sends(R, r="+a")
