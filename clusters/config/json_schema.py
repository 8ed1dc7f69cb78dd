"""The document's JSON Schema (draft 2020-12) for editors and other programs, generated from the models."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from clusters.config.keys import SHOWN
from clusters.config.schema import Document, KubeSphereSpec

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_INTERNAL = (SHOWN,)
_NUMBER_TEXT = r"^[+-]?[0-9]+$"


@cache
def json_schema_text() -> str:
    """The schema as served: indented JSON with a final line break."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def json_schema() -> dict[str, Any]:
    """The schema of one YAML document: a cluster (v1alpha1, v1alpha2), or KubeSphere's configuration.

    In addition to the standard keywords, a key has `x-since` (the KubeKey release that added it), `x-acted-on`
    (whether Slipway uses it) and `x-v4` (its path in KubeKey 4's Config). Unknown keys are allowed, as in
    KubeKey. Numbers may be quoted.
    """
    found: dict[str, Any] = {}
    defs: dict[str, Any] = {}
    for model in (Document, KubeSphereSpec):
        schema = model.model_json_schema(by_alias=True, ref_template="#/$defs/{model}", schema_generator=_Generator)
        defs |= schema.pop("$defs", {})
        found[model.__name__] = schema
    spec = found["Document"]
    for part in [name for name in spec["properties"] if name.startswith("---") or name == "name"]:
        del spec["properties"][part]
    defs |= {"ClusterSpec": spec, "KubeSphereSpec": found["KubeSphereSpec"]}
    used = _reachable(defs, ("ClusterSpec", "KubeSphereSpec"))
    return {
        "$schema": DRAFT,
        "title": "config-sample.yaml",
        "description": "A cluster as KubeKey and Slipway describe it.",
        "type": "object",
        "required": ["kind"],
        "oneOf": [{"$ref": "#/$defs/Cluster"}, {"$ref": "#/$defs/ClusterConfiguration"}],
        "$defs": {**_documents(), **{name: _tidied(defs[name]) for name in sorted(used)}},
    }


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, without the defaults of whole sections: their keys have defaults."""

    def default_schema(self, schema: Any) -> Any:
        inner = super().default_schema(schema)
        default = inner.get("default")
        if isinstance(default, dict) and default:
            inner.pop("default")
        return inner


def _documents() -> dict[str, Any]:
    name = {"type": "string", "description": "The name of the cluster.", "default": "sample"}
    versions = [f"kubekey.kubesphere.io/{version}" for version in ("v1alpha1", "v1alpha2")]
    return {
        "Cluster": {
            "type": "object",
            "required": ["apiVersion", "kind", "spec"],
            "properties": {
                "apiVersion": {"enum": versions, "description": "KubeKey's dialect."},
                "kind": {"const": "Cluster"},
                "metadata": {"type": "object", "properties": {"name": name}},
                "spec": {"$ref": "#/$defs/ClusterSpec"},
            },
        },
        "ClusterConfiguration": {
            "type": "object",
            "required": ["kind"],
            "properties": {
                "kind": {"enum": ["ClusterConfiguration", "ConfigMap"]},
                "metadata": {"type": "object"},
                "spec": {"$ref": "#/$defs/KubeSphereSpec"},
            },
        },
    }


def _reachable(defs: dict[str, Any], names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += _references(defs[name])
    return found


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"].rpartition("/")[2]] if isinstance(value.get("$ref"), str) else []
        return own + [name for inner in value.values() for name in _references(inner)]
    return [name for inner in value for name in _references(inner)] if isinstance(value, list) else []


def _tidied(value: Any) -> Any:
    """Remove pydantic's titles and internal marks; allow quoted numbers."""
    if isinstance(value, list):
        return [_tidied(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    result = {key: _tidied(inner) for key, inner in value.items() if key not in _INTERNAL and not _is_title(key, inner)}
    if result.get("type") == "integer":
        result |= {"type": ["integer", "string"], "pattern": _NUMBER_TEXT}
    return result


def _is_title(key: str, value: Any) -> bool:
    return key == "title" and isinstance(value, str)
