"""The definitions of our kinds are as their structs are, and in a form that the API server takes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sealos_gateway import definitions
from sealos_gateway.resources import kinds

FOLDER = Path(__file__).parents[1] / "deploy" / "crds"


def test_files_are_up_to_date() -> None:
    assert definitions.stale(FOLDER) == []


def test_every_kind_of_ours_has_one() -> None:
    assert {kind for kind in kinds.ALL if kind.group.endswith("sealos.io")} == set(definitions.OURS)


def test_a_stale_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert definitions.main([str(tmp_path)]) == 0
    assert definitions.main([str(tmp_path), "--check"]) == 0
    next(tmp_path.iterdir()).write_text("old")
    assert definitions.main([str(tmp_path), "--check"]) == 1
    assert "is stale" in capsys.readouterr().err


def test_defaults_limits_and_words_reach_the_schema() -> None:
    version = definitions.definition(kinds.GATEWAY_PROFILE)["spec"]["versions"][0]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert spec["workload"] == {
        "description": "A number of pods, or one on each node.", "type": "string",
        "enum": ["DaemonSet", "Deployment"], "default": "Deployment",
    }  # fmt: skip
    assert (spec["replicas"]["minimum"], spec["replicas"]["maximum"]) == (0, 1000)
    assert spec["affinity"]["x-kubernetes-preserve-unknown-fields"] is True
    limits = spec["resources"]["properties"]["limits"]
    assert limits["additionalProperties"] == {"x-kubernetes-int-or-string": True}
    assert spec["service"]["properties"]["type"]["default"] == "LoadBalancer"


def test_policies_have_a_status_of_their_own_and_limits_of_text_and_lists() -> None:
    made = definitions.definition(kinds.TRAFFIC_POLICY)
    assert made["metadata"]["labels"] == {"gateway.networking.k8s.io/policy": "Inherited"}
    version = made["spec"]["versions"][0]
    assert version["subresources"] == {"status": {}}
    whole = version["schema"]["openAPIV3Schema"]
    assert whole["required"] == ["spec"]
    assert "ancestors" in whole["properties"]["status"]["properties"]
    spec = whole["properties"]["spec"]["properties"]
    assert (spec["targetRefs"]["minItems"], spec["targetRefs"]["maxItems"]) == (1, 16)
    assert spec["timeouts"]["properties"]["request"]["pattern"].startswith("^")
    size = spec["maxRequestBodySize"]
    assert (size["x-kubernetes-int-or-string"], size["minimum"]) == (True, 0)
    assert "pattern" in size


def test_what_cannot_be_said_is_refused() -> None:
    (schema,), parts = msgspec.json.schema_components([int | list[int]])
    with pytest.raises(ValueError, match="structural"):
        definitions.structural(schema, parts)
