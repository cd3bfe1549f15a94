"""The snapshot: what is visible when, what costs what, and what is served when the newest state is bad."""

import tracemalloc

import pytest

from sealos_gateway.xds.snapshot import PENDING, Mark, Snapshot, content_version

C, R = "CDS", "RDS"


def filled(**bodies: bytes) -> Snapshot:
    snapshot = Snapshot((C, R))
    for name, body in bodies.items():
        snapshot.put(C, name, body)
    snapshot.commit()
    return snapshot


def put(snapshot: Snapshot, name: str, body: bytes) -> str:
    snapshot.put(C, name, body)
    snapshot.commit()
    return content_version(body)


def served(snapshot: Snapshot, name: str, type_: str = C) -> object:
    row = snapshot.row(type_, name)
    return row.body if row else "unknown"


def test_rows_are_invisible_until_committed() -> None:
    snapshot = filled(a=b"1")
    snapshot.put(C, "a", b"2")
    snapshot.put(C, "b", b"1")
    snapshot.drop(C, "a2")
    assert (served(snapshot, "a"), served(snapshot, "b"), [*snapshot.since(C, 0)]) == (b"1", "unknown", ["a"])
    assert snapshot.commit()
    assert (served(snapshot, "a"), served(snapshot, "b"), snapshot.revision) == (b"2", b"1", 2)


def test_since_walks_from_the_newest_change() -> None:
    snapshot = filled(a=b"1", b=b"1", c=b"1")
    put(snapshot, "a", b"2")
    snapshot.drop(C, "c")
    snapshot.commit()
    assert [*snapshot.since(C, 1)] == ["c", "a"]
    assert [*snapshot.since(C, 2)] == ["c"]
    assert [*snapshot.since(C, 3)] == []


def test_equal_bytes_change_nothing() -> None:
    snapshot = filled(a=b"1")
    snapshot.put(C, "a", b"1")
    snapshot.drop(C, "never there")
    assert not snapshot.commit()
    assert snapshot.revision == 1


def test_there_and_back_in_one_batch_changes_nothing() -> None:
    snapshot = filled(a=b"1")
    snapshot.put(C, "a", b"2")
    snapshot.put(C, "a", b"1")
    snapshot.put(C, "b", b"1")
    snapshot.drop(C, "b")
    assert not snapshot.commit()


def test_becoming_eager_is_a_change() -> None:
    snapshot = Snapshot((C,))
    snapshot.put(C, "a", b"1", lazy=True)
    snapshot.commit()
    snapshot.put(C, "a", b"1", lazy=False)
    assert snapshot.commit()


def test_versions_depend_on_the_bytes_alone() -> None:
    one, other = filled(a=b"x", b=b"y"), filled(b=b"y", z=b"z")
    put(other, "a", b"x")
    left, right = one.peek(C, "a"), other.peek(C, "a")
    assert left is not None
    assert right is not None
    assert left.version == right.version == content_version(b"x")
    assert left.revision != right.revision
    assert content_version(b"x") != content_version(b"y")


def test_a_touched_row_is_rendered_on_first_need_and_once() -> None:
    calls: list[str] = []
    snapshot = Snapshot((R,), {R: lambda name: calls.append(name) or name.encode()})  # type: ignore[func-returns-value]
    for name in ("a", "b", "c"):
        snapshot.touch(R, name)
    snapshot.commit()
    row = snapshot.peek(R, "b")
    assert row is not None
    assert (row.body, row.lazy, calls) == (PENDING, True, [])
    assert [served(snapshot, "b", R), served(snapshot, "b", R), calls] == [b"b", b"b", ["b"]]
    snapshot.touch(R, "b")
    snapshot.commit()
    assert calls == ["b"]
    assert served(snapshot, "b", R) == b"b"
    assert calls == ["b", "b"]


def test_touch_needs_a_renderer() -> None:
    with pytest.raises(LookupError, match="no renderer"):
        Snapshot((C,)).touch(C, "a")


def test_a_renderer_may_say_that_there_is_nothing() -> None:
    snapshot = Snapshot((R,), {R: lambda name: None})
    snapshot.touch(R, "a")
    snapshot.commit()
    assert served(snapshot, "a", R) is None
    snapshot.sweep(snapshot.revision)
    assert snapshot.peek(R, "a") is None


class Broken:
    """A renderer whose rows can be broken one by one."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.calls = 0

    def __call__(self, name: str) -> bytes:
        self.calls += 1
        return self.bodies[name]


def test_a_renderer_that_raises_stops_only_its_row_and_is_reported() -> None:
    renderer, heard = Broken(), []
    renderer.bodies = {"good": b"1"}
    snapshot = Snapshot((R,), {R: renderer})
    snapshot.on_error = lambda *what: heard.append(what)
    for name in ("bad", "good"):
        snapshot.touch(R, name)
    snapshot.commit()
    assert served(snapshot, "bad", R) is Mark.WITHHELD
    assert served(snapshot, "bad", R) is Mark.WITHHELD
    assert (served(snapshot, "good", R), renderer.calls) == (b"1", 2)
    assert snapshot.errors == {(R, "bad"): "KeyError: 'bad'"}
    renderer.bodies["bad"] = b"2"
    snapshot.touch(R, "bad")
    snapshot.commit()
    assert (served(snapshot, "bad", R), snapshot.errors) == (b"2", {})
    assert heard == [(R, "bad", "KeyError: 'bad'"), (R, "bad", None)]


def test_a_row_that_no_longer_renders_serves_its_last_good_state() -> None:
    renderer = Broken()
    renderer.bodies = {"a": b"1"}
    snapshot = Snapshot((R,), {R: renderer})
    snapshot.touch(R, "a")
    snapshot.commit()
    served(snapshot, "a", R)
    renderer.bodies = {}
    snapshot.touch(R, "a")
    snapshot.commit()
    assert served(snapshot, "a", R) == b"1"


def test_a_rejected_version_gives_way_to_the_last_good_one_until_the_row_changes() -> None:
    snapshot = filled(a=b"1")
    snapshot.accept(C, "a", content_version(b"1"))
    bad = put(snapshot, "a", b"2")
    snapshot.reject(C, "a", bad)
    row = snapshot.row(C, "a")
    assert row is not None
    assert (row.body, row.version) == (b"1", content_version(b"1"))
    put(snapshot, "a", b"3")
    assert served(snapshot, "a") == b"3"
    put(snapshot, "a", b"2")
    assert served(snapshot, "a") == b"2", "put again, it is tried again"


def test_an_unproven_state_does_not_replace_the_proven_one_as_fallback() -> None:
    snapshot = filled(a=b"1")
    snapshot.accept(C, "a", content_version(b"1"))
    put(snapshot, "a", b"2")
    snapshot.reject(C, "a", put(snapshot, "a", b"3"))
    assert served(snapshot, "a") == b"1"


def test_without_a_good_state_a_rejected_row_is_withheld() -> None:
    snapshot = filled(a=b"1")
    snapshot.reject(C, "a", content_version(b"1"))
    assert served(snapshot, "a") is Mark.WITHHELD


def test_accepting_frees_the_fallback_and_protects_from_a_later_rejection() -> None:
    snapshot = filled(a=b"1")
    version = put(snapshot, "a", b"2")
    snapshot.accept(C, "a", version)
    row = snapshot.peek(C, "a")
    assert row is not None
    assert row.fallback is None
    snapshot.reject(C, "a", version)
    assert served(snapshot, "a") == b"2"


def test_a_touch_that_renders_to_the_rejected_bytes_stays_rejected() -> None:
    renderer = Broken()
    renderer.bodies = {"a": b"1"}
    snapshot = Snapshot((R,), {R: renderer})
    snapshot.touch(R, "a")
    snapshot.commit()
    served(snapshot, "a", R)
    snapshot.reject(R, "a", content_version(b"1"))
    snapshot.touch(R, "a")
    snapshot.commit()
    assert served(snapshot, "a", R) is Mark.WITHHELD
    renderer.bodies["a"] = b"2"
    snapshot.touch(R, "a")
    snapshot.commit()
    assert served(snapshot, "a", R) == b"2"


def test_a_verdict_that_comes_after_a_touch_counts_for_the_state_before() -> None:
    renderer = Broken()
    renderer.bodies = {"a": b"1"}
    snapshot = Snapshot((R,), {R: renderer})
    snapshot.touch(R, "a")
    snapshot.commit()
    served(snapshot, "a", R)
    snapshot.touch(R, "a")
    snapshot.commit()
    snapshot.reject(R, "a", content_version(b"1"))
    assert served(snapshot, "a", R) is Mark.WITHHELD


def test_verdicts_about_other_versions_are_ignored() -> None:
    snapshot = filled(a=b"1")
    snapshot.reject(C, "a", "something older")
    snapshot.reject(C, "gone", "x")
    snapshot.accept("unknown type", "a", "x")
    assert served(snapshot, "a") == b"1"


def test_sweeping_forgets_old_tombstones_only() -> None:
    snapshot = filled(a=b"1", b=b"1")
    snapshot.drop(C, "a")
    snapshot.commit()
    snapshot.drop(C, "b")
    snapshot.commit()
    snapshot.sweep(2)
    assert (snapshot.peek(C, "a"), served(snapshot, "b")) == (None, None)
    put(snapshot, "b", b"2")
    snapshot.sweep(9)
    assert served(snapshot, "b") == b"2", "a row that came back is no tombstone"


def test_memory_is_flat_under_endless_add_change_remove() -> None:
    snapshot = Snapshot((R,), {R: lambda name: name.encode() * 10})

    def churn(rounds: range) -> None:
        for i in rounds:
            snapshot.touch(R, f"n{i}")
            snapshot.commit()
            served(snapshot, f"n{i}", R)
            snapshot.put(R, f"n{i}", b"x%d" % i)
            snapshot.commit()
            snapshot.drop(R, f"n{i}")
            snapshot.commit()
            snapshot.sweep(snapshot.revision)

    churn(range(500))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        churn(range(500, 3000))
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()
    assert [*snapshot.since(R, 0)] == []


def test_touching_an_unrendered_row_is_a_change() -> None:
    snapshot = Snapshot((R,), {R: str.encode})
    snapshot.touch(R, "a")
    snapshot.commit()
    snapshot.touch(R, "a")
    assert snapshot.commit()
    assert [*snapshot.since(R, 1)] == ["a"]


def test_a_rejected_state_is_never_a_fallback() -> None:
    snapshot = filled(a=b"1")
    snapshot.reject(C, "a", content_version(b"1"))
    snapshot.reject(C, "a", put(snapshot, "a", b"2"))
    assert served(snapshot, "a") is Mark.WITHHELD


def test_putting_the_rejected_bytes_after_a_touch_tries_them_again() -> None:
    snapshot = Snapshot((C,), {C: str.encode})
    bad = put(snapshot, "a", b"bad")
    snapshot.reject(C, "a", bad)
    snapshot.touch(C, "a")
    snapshot.commit()
    put(snapshot, "a", b"bad")
    assert served(snapshot, "a") == b"bad"


def test_a_fallback_accepted_late_is_kept_against_a_later_rejection() -> None:
    snapshot = filled(a=b"1")
    newer = put(snapshot, "a", b"2")
    snapshot.accept(C, "a", content_version(b"1"))
    snapshot.reject(C, "a", content_version(b"1"))
    snapshot.reject(C, "a", newer)
    assert served(snapshot, "a") == b"1"


def test_rendering_something_else_forgives_the_rejection() -> None:
    renderer = Broken()
    snapshot = Snapshot((R,), {R: renderer})
    for body in (b"bad", b"good", b"bad"):
        renderer.bodies = {"a": body}
        snapshot.touch(R, "a")
        snapshot.commit()
        assert served(snapshot, "a", R) == body
        snapshot.reject(R, "a", content_version(b"bad"))


def test_going_back_to_an_accepted_state_keeps_its_good_name() -> None:
    snapshot = filled(a=b"1")
    snapshot.accept(C, "a", content_version(b"1"))
    put(snapshot, "a", b"2")
    snapshot.reject(C, "a", put(snapshot, "a", b"1"))
    assert served(snapshot, "a") == b"1"
    row = snapshot.peek(C, "a")
    assert row is not None
    assert row.fallback is None
