"""Trees of plain data as YAML 1.2, which `nlp_transfer.config.parsing` reads back."""

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML


def to_yaml(tree: Mapping[str, Any]) -> str:
    """A tree of plain data as YAML text, keys in their order."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its stub says None
    writer.width = 120
    stream = io.StringIO()
    writer.dump(dict(tree), stream)
    return stream.getvalue()
