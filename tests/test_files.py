"""Manifests on disk as a source of objects: what is taken, what is told, and that the last good state stays."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sealos_gateway.files import disk, yaml_text
from sealos_gateway.files.source import Source
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources import core, ingress
from sealos_gateway.resources.meta import Metadata
from sealos_gateway.resources.update import Update

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
  namespace: shop
spec:
  rules:
  - host: {host}
"""


def manifest(name: str = "web", host: str = "a.example.com") -> str:
    return INGRESS.format(name=name, host=host)


def plain(kind: str = "ConfigMap", name: str = "web", version: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **more}


def put_names(update: Update) -> list[str]:
    return [f"{kind.name} {ref}" for kind, ref, _ in update.puts]


def drop_names(update: Update) -> list[str]:
    return [f"{kind.name} {ref}" for kind, ref in update.drops]


def hosts(update: Update) -> list[str]:
    return [rule.host for _, _, row in update.puts if isinstance(row, ingress.Ingress) for rule in row.spec.rules or ()]


def reasons(source: Source) -> list[str]:
    return [problem.reason for problem in source.problems]


def only(source: Source) -> Problem:
    (problem,) = source.problems
    return problem


def loaded(path: Path, text: str | bytes) -> tuple[Source, Update]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    source = Source([path])
    return source, source.load()


def rewritten(source: Source, path: Path, text: str) -> Update:
    path.write_text(text)
    return source.reload([path])


# Which files


def test_folders_are_taken_with_all_below_and_by_ending(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    taken = ("a.yaml", "b.yml", "deep/c.json", "deep/er/d.yaml")
    left = (".e.yaml", ".git/f.yaml", "g.yaml~", "h.yaml.swp", "i.tmp", "4913", "README.md", "#j.yaml#")
    for number, name in enumerate(taken + left):
        (tmp_path / name).write_text(json.dumps(plain(name=f"n{number}")))
    source = Source([tmp_path])
    assert put_names(source.load()) == [f"ConfigMap default/n{number}" for number in range(len(taken))]
    assert put_names(source.reload([tmp_path / ".e.yaml", tmp_path / ".git" / "f.yaml"])) == []


def test_a_file_named_by_the_user_is_read_whatever_its_ending(tmp_path: Path) -> None:
    _, update = loaded(tmp_path / "manifest.txt", manifest())
    assert put_names(update) == ["Ingress shop/web"]


def test_several_paths_and_symbolic_links(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "elsewhere").write_text(manifest("linked"))
    (tmp_path / "one" / "a.yaml").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "one" / "loop").symlink_to(tmp_path / "one")
    (tmp_path / "two" / "b.yaml").write_text(manifest("plain"))
    source = Source([tmp_path / "one", tmp_path / "two" / "b.yaml"])
    assert put_names(source.load()) == ["Ingress shop/linked", "Ingress shop/plain"]
    assert source.problems == ()


def test_paths_outside_are_none_of_our_business(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out.yaml").write_text(manifest())
    source = Source([tmp_path / "in"])
    source.load()
    assert source.reload([tmp_path / "out.yaml"]) == Update()


# Reading YAML and JSON


def test_yaml_documents_and_empty_ones(tmp_path: Path) -> None:
    text = "# nothing\n---\n" + manifest("a") + "---\n---\n# still nothing\n---\n" + manifest("b")
    source, update = loaded(tmp_path / "a.yaml", text)
    assert put_names(update) == ["Ingress shop/a", "Ingress shop/b"]
    assert source.problems == ()


def test_an_empty_file_is_fine(tmp_path: Path) -> None:
    for text in ("", "# only a comment\n", "---\n"):
        source, update = loaded(tmp_path / "a.yaml", text)
        assert (update, source.problems) == (Update(), ())


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(plain()) + json.dumps(plain(name="other")),
        json.dumps(plain()) + "\n" + json.dumps(plain(name="other")) + "\n",
        json.dumps(plain(), indent=2) + "\n" + json.dumps(plain(name="other"), indent=2),
        "\ufeff" + json.dumps({"kind": "List", "apiVersion": "v1", "items": [plain(), plain(name="other")]}),
    ],
    ids=["behind each other", "in lines", "indented", "list"],
)
@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_json_in_all_its_forms(tmp_path: Path, text: str, ending: str) -> None:
    if ending == "yaml" and not text.lstrip("\ufeff").startswith("{"):
        pytest.fail("the case would not reach the JSON reader")
    source, update = loaded(tmp_path / f"a.{ending}", text)
    assert put_names(update) == ["ConfigMap default/web", "ConfigMap default/other"]
    assert source.problems == ()


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_lists_nested_and_typed(tmp_path: Path, ending: str) -> None:
    bare = [{"metadata": {"name": "bare"}}]
    typed = {"kind": "IngressList", "apiVersion": "networking.k8s.io/v1", "items": bare}
    whole = {"kind": "List", "apiVersion": "v1", "items": [plain(), {"kind": "List", "items": [typed]}]}
    text = json.dumps(whole) if ending == "json" else yaml.safe_dump(whole)
    source, update = loaded(tmp_path / f"a.{ending}", text)
    assert put_names(update) == ["ConfigMap default/web", "Ingress default/bare"]
    assert source.problems == ()


def test_lists_without_items_and_lists_too_deep(tmp_path: Path) -> None:
    deep: dict[str, Any] = plain()
    for _ in range(9):
        deep = {"kind": "List", "apiVersion": "v1", "items": [deep]}
    lists: list[Any] = [{"kind": "List", "apiVersion": "v1", "items": None}, {"kind": "IngressList", "items": 5}, deep]
    source, update = loaded(tmp_path / "a.json", "\n".join(map(json.dumps, lists)))
    assert update == Update()
    assert [problem.message.split(";")[0] for problem in source.problems] == [
        "items is not a list",
        "lists are nested deeper than 8 levels",
    ]


def test_yaml_words_are_read_as_kubernetes_reads_them(tmp_path: Path) -> None:
    dates = ["2024-01-01T00:00:00Z", "2024-01-01"]
    text = """\
words: [yes, Off, ~, "yes", on, 012, 0x1F, 0b11, 1_000, -7, 1.5, 1e3, .inf, 1:30, 2024-01-01T00:00:00Z, 2024-01-01]
80: port
on: switch
absent: null
!!str tagged: !!str 5
number: !!int 7
"""
    (document,) = yaml_text.documents(text.encode())
    assert document.value == {
        "words": [True, False, None, "yes", True, 10, 31, 3, 1000, -7, 1.5, 1000.0, float("inf"), "1:30", *dates],
        "80": "port",
        "on": "switch",
        "tagged": "5",
        "number": 7,
    }


def test_the_reader_without_libyaml_agrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = manifest() + "---\n" + manifest("other") + "  - host: &h b.example.com\n  - host: *h\n"
    _, fast = loaded(tmp_path / "a.yaml", text)
    monkeypatch.setattr(yaml_text, "_LOADER", yaml.SafeLoader)
    _, slow = loaded(tmp_path / "a.yaml", text)
    assert fast == slow
    source, _ = loaded(tmp_path / "a.yaml", "a: b\n\tc: d\n")
    assert (only(source).reason, only(source).field) == ("InvalidSyntax", "line 2, column 1")


def test_timestamps_stay_text_and_null_means_absent(tmp_path: Path) -> None:
    head = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n"
    _, update = loaded(tmp_path / "a.yaml", head + "  creationTimestamp: 2024-01-01T00:00:00Z\n  labels: null\nspec:\n")
    metadata = update.puts[0][2].metadata
    assert isinstance(metadata, Metadata)
    assert metadata.creation_timestamp == "2024-01-01T00:00:00Z"
    text = '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a","namespace":null},"spec":{"ports":null}}'
    source, update = loaded(tmp_path / "a.json", text)
    assert put_names(update) == ["Service default/a"]
    assert source.problems == ()


def test_anchors_and_merge_keys(tmp_path: Path) -> None:
    text = """\
apiVersion: v1
kind: List
items:
- &first
  apiVersion: v1
  kind: ConfigMap
  metadata: {name: first, namespace: &space shop}
  data: &data {a: "1", b: "2"}
- <<: *first
  metadata: {name: second, namespace: *space}
  data: {<<: [*data, {c: "3"}], b: own}
"""
    source, update = loaded(tmp_path / "a.yaml", text)
    assert source.problems == ()
    second = update.puts[1][2]
    assert isinstance(second, core.ConfigMap)
    assert (second.ref, second.data) == (("shop", "second"), {"a": "1", "b": "own", "c": "3"})


def test_alias_bombs_and_deep_nesting_are_refused(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10))
    for text in (bomb, "a: &a [*a]\n", "a: " + "[" * 5000, "a: *unknown\n", "? [a]\n: b\n", "a: !python/x b\n"):
        source, update = loaded(tmp_path / "a.yaml", text)
        assert (update, reasons(source)) == (Update(), ["InvalidSyntax"])
    source, _ = loaded(tmp_path / "a.json", '{"a":' * 50_000)
    assert reasons(source) == ["InvalidSyntax"]


def test_base64_of_secrets_may_be_broken_into_lines(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  key: |\n    aGVs\n    bG8=\n"
    _, update = loaded(tmp_path / "a.yaml", text)
    secret = update.puts[0][2]
    assert isinstance(secret, core.Secret)
    assert secret.value("key") == b"hello"


# Whose object it is


def test_namespaces_are_completed_and_cluster_kinds_have_none(tmp_path: Path) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "namespace": "nonsense"}}
    _, update = loaded(tmp_path / "a.json", json.dumps(plain()) + json.dumps(space))
    assert put_names(update) == ["ConfigMap default/web", "Namespace a"]
    assert [row.metadata.namespace for _, _, row in update.puts] == ["default", ""]


def test_unknown_kinds_are_skipped_unless_they_are_meant_for_us(tmp_path: Path) -> None:
    others = [plain("Deployment", version="apps/v1"), plain("Service", version="serving.knative.dev/v1")]
    ours = plain("WafPolcy", version="gateway.sealos.io/v1")
    source, update = loaded(tmp_path / "a.yaml", yaml.safe_dump_all([*others, ours]))
    assert update == Update()
    assert only(source).reason == "UnknownKind"
    assert "document 3" in only(source).field


@pytest.mark.parametrize("version", ["extensions/v1beta1", "networking.k8s.io/v1beta1", "v1"])
def test_an_old_api_version_is_told_with_the_remedy(tmp_path: Path, version: str) -> None:
    source, update = loaded(tmp_path / "a.yaml", manifest().replace("networking.k8s.io/v1", version))
    assert update == Update()
    assert only(source).reason == "UnknownVersion"
    assert "write apiVersion: networking.k8s.io/v1" in only(source).message
    assert only(source).field == "line 1, document 1, Ingress shop/web, apiVersion"


@pytest.mark.parametrize("missing", ["apiVersion: networking.k8s.io/v1\n", "kind: Ingress\n", "  name: web\n"])
def test_what_every_object_needs(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "a.yaml"
    source, _ = loaded(path, manifest())
    update = rewritten(source, path, manifest().replace(missing, ""))
    assert update == Update()  # nobody knows which object it was, so nothing is dropped
    assert only(source).reason == "MissingField"
    assert missing.split(":", maxsplit=1)[0].strip() in only(source).message


@pytest.mark.parametrize("name", ["Web", "-web", "web_1", "a..b", "a/b", "x" * 254, "web\n", "wéb"])
def test_names_are_those_of_kubernetes(tmp_path: Path, name: str) -> None:
    objects = [plain(name=name), plain(name="a.b-c.9"), plain("Service", name="a.b")]
    objects.append({**plain(), "metadata": {"name": "web", "namespace": name}})
    source, update = loaded(tmp_path / "a.json", json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}))
    assert put_names(update) == ["ConfigMap default/a.b-c.9"]
    assert reasons(source) == ["InvalidName"] * 3
    assert all(problem.message.isascii() and "\n" not in problem.message for problem in source.problems)


# Mistakes and the last good state


def test_a_broken_object_does_not_touch_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    source, _ = loaded(path, manifest("a") + "---\n" + manifest("b") + "---\n" + manifest("c"))
    text = manifest("a", "new.example.com") + "---\n" + manifest("b", "{}") + "---\n"
    update = rewritten(source, path, text)
    assert (put_names(update), hosts(update)) == (["Ingress shop/a"], ["new.example.com"])
    assert drop_names(update) == ["Ingress shop/c"]  # removed from a good file; b keeps its last good version
    problem = only(source)
    assert (problem.origin.kind, problem.origin.ref.name) == ("File", str(path))
    assert problem.field == "line 10, document 2, Ingress shop/b, spec.rules[0].host"
    assert problem.reason == "InvalidObject"
    assert "quotes" in problem.message
    assert put_names(rewritten(source, path, text.replace("{}", "b.example.com"))) == ["Ingress shop/b"]
    assert source.problems == ()


def test_a_broken_object_in_a_json_list_is_told_with_its_line(tmp_path: Path) -> None:
    items = [plain(), plain("Service", spec={"ports": 5}), plain(name="other"), 7]
    text = '{"kind":"List","apiVersion":"v1","items":[\n' + ",\n".join(map(json.dumps, items)) + "]}"
    source, update = loaded(tmp_path / "a.json", text)
    assert put_names(update) == ["ConfigMap default/web", "ConfigMap default/other"]
    fields = [problem.field for problem in source.problems]
    assert fields == [
        "line 3, document 1, item 2, Service default/web, spec.ports",
        "line 5, document 1, item 4",
    ]


@pytest.mark.parametrize(
    ("name", "text", "field"),
    [
        ("a.yaml", manifest("a", "x") + '---\na: "b\n', "line 11, column 1"),
        ("a.yaml", manifest("a", "x") + "\tb: c\n", "line 9, column 1"),
        ("a.yaml", manifest("a", "x") + "a: \x00\n", "line 9, column 4"),
        ("a.yaml", manifest("a", "x").encode() + b"# \xff\n", "line 9, column 3"),
        ("a.json", json.dumps(plain(), indent=1)[:-9] + "x", "line 5, column 13"),
        ("a.json", json.dumps(plain()) + "\n{,", "line 2, column 2"),
        ("a.json", '{"kind":"List","items":[{"kind":5},', "line 1, column 36"),
    ],
)
def test_a_syntax_error_keeps_the_whole_file(tmp_path: Path, name: str, text: str | bytes, field: str) -> None:
    path = tmp_path / name
    source, _ = loaded(path, "\n".join(json.dumps(plain(name=name)) for name in "ab") if "json" in name else manifest())
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    assert source.reload([path]) == Update()
    assert only(source).reason == "InvalidSyntax"
    assert only(source).field.startswith(field)


def test_a_file_that_became_empty_is_taken_for_half_written(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    source, _ = loaded(path, manifest())
    assert rewritten(source, path, "") == Update()
    assert reasons(source) == ["EmptyFile"]
    assert drop_names(rewritten(source, path, "# meant to be empty\n")) == ["Ingress shop/web"]
    assert source.problems == ()


def test_duplicate_keys_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    source, _ = loaded(path, manifest())
    assert rewritten(source, path, manifest(host="b.example.com") + "  - host: x\n    host: y\n") == Update()
    assert only(source).reason == "DuplicateKey"
    assert only(source).field == "line 10, document 1, Ingress shop/web"
    other = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {a: 1, a: 2}\n"
    assert rewritten(source, path, manifest() + "---\n" + other) == Update()
    assert source.problems == ()
    twice = "apiVersion: v1\nkind: List\nitems: []\nitems: []\n"
    assert rewritten(source, path, twice) == Update()
    assert (only(source).reason, only(source).field) == ("DuplicateKey", "line 4, document 1")


def test_secret_values_are_in_no_message(tmp_path: Path) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  password: "
    for value in (
        "!hunter2 x",
        "*hunter2",
        "[hunter2]",
        "hunter2: hunter2: x",
        "'hunter2",
        "%hunter2\n\thunter2",
        "{hunter2",
    ):
        source, update = loaded(tmp_path / "a.yaml", secret + value)
        assert update == Update()
        assert source.problems
        assert "hunter2" not in str(source.problems)
    encoded = plain("Secret", data={"password": "hunter2!"})
    for text in (json.dumps(encoded), json.dumps(encoded)[:-3], json.dumps(encoded).replace("hunter2!", "hunter2\\q")):
        source, update = loaded(tmp_path / "a.json", text)
        assert update == Update()
        assert source.problems
        assert "hunter2" not in str(source.problems)


def test_files_too_large_or_unreadable_keep_their_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(manifest())
    source = Source([tmp_path], size_limit=1000)
    source.load()
    assert rewritten(source, path, manifest() + "#" * 1000) == Update()
    assert reasons(source) == ["FileTooLarge"]

    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", denied)
        assert rewritten(source, path, manifest(host="b.example.com")) == Update()
    assert reasons(source) == ["Unreadable"]
    assert hosts(source.reload([path])) == ["b.example.com"]
    assert source.problems == ()


def test_a_pipe_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    source = Source([tmp_path])
    source.load()
    assert reasons(source) == ["Unreadable"]


# Changes


def test_deleted_files_and_folders_drop_their_objects(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a", "sub/b", "sub/c"):
        (tmp_path / f"{name}.yaml").write_text(manifest(name[-1]))
    source = Source([tmp_path])
    source.load()
    (tmp_path / "a.yaml").unlink()
    assert drop_names(source.reload([tmp_path / "a.yaml"])) == ["Ingress shop/a"]
    (tmp_path / "sub").rename(tmp_path / ".gone")
    assert sorted(drop_names(source.reload([tmp_path / "sub"]))) == ["Ingress shop/b", "Ingress shop/c"]
    (tmp_path / ".gone").rename(tmp_path / "sub")
    assert put_names(source.reload([tmp_path / "sub"])) == ["Ingress shop/b", "Ingress shop/c"]
    assert source.problems == ()


def test_a_root_that_vanished_is_told_and_keeps_its_objects(tmp_path: Path) -> None:
    root = tmp_path / "root"
    source = Source([root])
    assert source.load() == Update()
    assert reasons(source) == ["NotFound"]
    root.mkdir()
    (root / "a.yaml").write_text(manifest())
    assert put_names(source.reload([root])) == ["Ingress shop/web"]
    assert source.problems == ()
    root.rename(tmp_path / "away")
    assert source.reload([root, root / "a.yaml"]) == Update()
    assert reasons(source) == ["NotFound"]
    (tmp_path / "away").rename(root)
    assert source.reload([root]) == Update()
    assert source.problems == ()


def test_equal_objects_are_not_put_again(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    source, _ = loaded(path, manifest("a") + "---\n" + manifest("b"))
    assert rewritten(source, path, "# comment\n" + manifest("b") + "---\n" + manifest("a")) == Update()
    assert source.load() == Update()


def test_reload_reads_only_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        (tmp_path / f"{number}.yaml").write_text(manifest(f"n{number}"))
    source = Source([tmp_path])
    source.load()
    read: list[str] = []
    real = Path.read_bytes

    def counted(path: Path) -> bytes:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    update = rewritten(source, tmp_path / "7.yaml", manifest("n7", "b.example.com"))
    assert (put_names(update), read) == (["Ingress shop/n7"], ["7.yaml"])


def test_the_first_file_owns_an_object_that_two_files_name(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.yaml" for name in "abc")
    second.write_text(manifest(host="second"))
    third.write_text(manifest(host="third"))
    source = Source([tmp_path])
    assert hosts(source.load()) == ["second"]
    assert (only(source).reason, only(source).origin.ref.name) == ("DuplicateObject", str(third))
    assert hosts(rewritten(source, first, manifest(host="first"))) == ["first"]
    assert rewritten(source, second, manifest(host="changed unseen")) == Update()
    assert reasons(source) == ["DuplicateObject"] * 2
    first.unlink()
    assert hosts(source.reload([first])) == ["changed unseen"]
    second.unlink()
    assert hosts(source.reload([second])) == ["third"]
    assert source.problems == ()
    third.unlink()
    assert drop_names(source.reload([third])) == ["Ingress shop/web"]


def test_an_object_that_moves_between_files_in_one_reload_is_not_dropped(tmp_path: Path) -> None:
    one, two = tmp_path / "a.yaml", tmp_path / "b.yaml"
    one.write_text(manifest())
    source = Source([tmp_path])
    source.load()
    one.rename(two)
    assert source.reload([one, two]) == Update()


def test_an_object_named_twice_in_one_file(tmp_path: Path) -> None:
    source, update = loaded(tmp_path / "a.yaml", manifest(host="first") + "---\n" + manifest(host="second"))
    assert hosts(update) == ["first"]
    assert (only(source).reason, only(source).field) == ("DuplicateObject", "line 10, document 2, Ingress shop/web")


ITEMS = [plain(name=f"n{number}", data={"key": "value"}) for number in range(5)]
WHOLE = json.dumps({"kind": "List", "apiVersion": "v1", "items": ITEMS}).encode()
YAML = yaml.safe_dump_all(ITEMS).encode()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_truncation_and_garbage_never_raise_and_lose_nothing(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        source, update = loaded(path, WHOLE)
        assert len(update.puts) == len(ITEMS)
        cut = data.draw(st.integers(0, len(WHOLE) - 1))
        path.write_bytes(WHOLE[:cut] + data.draw(st.sampled_from((b"", b"\0", b"\xff", b"}}", b"]", b"\n{"))))
        assert source.reload([path]).drops == ()
        assert source.problems
        path.write_bytes(WHOLE)
        assert source.reload([path]) == Update()
        assert source.problems == ()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(YAML)), st.binary(max_size=20), st.integers(0, 40), st.sampled_from(["yaml", "json"]))
def test_any_bytes_are_survived(at: int, junk: bytes, removed: int, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{ending}"
        good = YAML if ending == "yaml" else WHOLE
        source, _ = loaded(path, good)
        path.write_bytes(good[:at] + junk + good[at + removed :])
        update = source.reload([path])
        if "InvalidSyntax" in reasons(source):
            assert update == Update()
        for _, _, row in update.puts:
            msgspec.json.encode(row)
        path.write_bytes(good)
        source.reload([path])
        assert source.problems == ()
        assert len(source._files[path].objects) == len(ITEMS)


def test_the_signature_of_a_file_just_written_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(manifest())
    _, fresh = disk.read(path, 1000)
    assert fresh.is_racy
    os.utime(path, ns=(0, 0))
    assert not fresh._replace(modified=0, changed=0).is_racy
