"""YAML files and command-line overrides as one tree of plain values. What they mean is not known here."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from ruamel.yaml import YAML


def yaml_reader() -> "YAML":
    """A reader of plain data, as YAML 1.2 has it; no YAML tag makes an object."""
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True)


def read_yaml(file: str | Path) -> dict[str, Any]:
    """A YAML 1.2 file's mapping; a key given twice is an error, not the last one's silent win.

    Raises:
        ConfigError: no such file, not YAML (with the line), or not a mapping.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        with Path(file).open(encoding="utf-8") as stream:
            tree = yaml_reader().load(stream)
    except OSError as error:
        raise ConfigError(f"--config {file}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        where = f"{file}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(file)
        what = (getattr(error, "problem", None) or str(error)).splitlines()[0]
        raise ConfigError(f"{where}: not valid YAML: {what}.") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{file} holds {type(tree).__name__}; expected sections such as model, source, training.")
    return tree


def read_value(text: str) -> Any:
    """A command-line value as YAML reads it: `2e-5` is a number, `null` is None, `[a, b]` a list."""
    from ruamel.yaml.error import YAMLError

    try:
        return yaml_reader().load(text) if text else text
    except YAMLError:
        return text


def merge_tree(tree: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Lay one tree over another, in place: sections are merged, everything else is replaced."""
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            merge_tree(tree[key], value)
        else:
            tree[key] = value


def override(tree: dict[str, Any], path: str, value: Any, problems: list[str]) -> None:
    """Set one value by its path. In a list of named things, a step is a position or a name."""
    *steps, last = path.split(".")
    node: Any = tree
    for i, step in enumerate(steps):
        if isinstance(node, list):
            found = _list_item(node, step)
            if found is None:
                names = [_name_of(item) for item in node]
                problems.append(f"--{path}: {did_you_mean(steps[i - 1].removesuffix('s'), step, names)}")
                return
            node = found
        else:
            if node.get(step) is None:
                node[step] = [{"name": [*steps, last][i + 1]}] if step == "methods" else {}
            node = node[step]
        if not isinstance(node, dict | list):
            problems.append(f"--{path}: {'.'.join(steps[: i + 1])} is {node!r}, which has no keys of its own.")
            return
    if isinstance(node, list):
        if not last.isdigit() or int(last) >= len(node):
            problems.append(f"--{path}: {'.'.join(steps)} is a list of {len(node)}; expected a position in it.")
            return
        node[int(last)] = value
    else:
        node[last] = value


def _list_item(items: list[Any], step: str) -> dict[str, Any] | None:
    """The item at a position or of a name; one given by its name alone becomes a mapping first."""
    for i, item in enumerate(items):
        if step == str(i) or step == _name_of(item):
            if isinstance(item, str):
                items[i] = {"name": item}
            return items[i]
    return None


def _name_of(item: Any) -> str:
    return str(item.get("name")) if isinstance(item, dict) else str(item)
