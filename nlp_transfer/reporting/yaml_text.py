"""YAML 1.2: `2e-5` is a number, `no` is a word, and a key given twice is an error."""

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML


def yaml_reader() -> YAML:
    """A reader of plain data; no YAML tag makes an object."""
    return YAML(typ="safe", pure=True)


def to_yaml(tree: Mapping[str, Any]) -> str:
    """A tree of plain data as YAML text, keys in their order."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its stub says None
    writer.width = 120
    stream = io.StringIO()
    writer.dump(dict(tree), stream)
    return stream.getvalue()
