"""Read YAML files and command-line overrides as one tree of plain values.

YAML is that of 1.2: `2e-5` is a number, `no` is a word, and a key given twice is an error. No tag makes an object.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from nlp_transfer.errors import RENAMED, ConfigError, did_you_mean, format_value, nearest_name
from nlp_transfer.files import utf8_problem
from nlp_transfer.methods import METHODS

MAX_FILE_BYTES = 1 << 20
"""Maximum size of a configuration file: YAML takes seconds a megabyte."""

MAX_CHARACTERS = 4 << 20
"""Maximum number of characters of a text with its aliases written out."""

MAX_DEPTH = 50
"""Maximum nesting of lists and mappings."""

_TOO_DEEP = f"lists or mappings lie more than {MAX_DEPTH} deep in one another"


def read_yaml(file: str | Path) -> dict[str, Any]:
    """Return a YAML 1.2 file's mapping; raise ConfigError where it is none (with the line), or too large."""
    try:
        with Path(file).open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ConfigError(f"--config {file} has more than {MAX_FILE_BYTES >> 20} MiB: that is no configuration.")
        tree = load_yaml(content.decode("utf-8-sig"))
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
        found = "nothing" if tree is None else type(tree).__name__
        raise ConfigError(f"{file} holds {found}; expected sections such as model, source, training.")
    return tree


def read_value(text: str) -> Any:
    """Return a command-line value as YAML reads it.

    Example:
        >>> read_value("2e-5"), read_value("null"), read_value("[a, b]")
        (2e-05, None, ['a', 'b'])
    """
    try:
        return load_yaml(text) if text else text
    except YAMLError:
        return text


def load_yaml(text: str) -> Any:
    """Return the data of a YAML text; None where it holds none.

    Example:
        >>> load_yaml("{rate: 2e-5, name: no}")
        {'rate': 2e-05, 'name': 'no'}
    """
    try:
        tree = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        raise
    except RecursionError as error:
        raise YAMLError(_TOO_DEEP) from error
    except Exception as error:  # the reader lets through Python's errors of a date, a number or a key
        raise YAMLError(f"a value cannot be read ({error})") from error
    budget, values = MAX_CHARACTERS, [(tree, 0)]
    while values:
        value, depth = values.pop()
        budget -= 1 + (len(value) if isinstance(value, str) else 0)
        if depth > MAX_DEPTH:  # also where an anchor holds an alias of itself
            raise YAMLError(_TOO_DEEP)
        if budget < 0:
            raise YAMLError(f"with its aliases written out it has more than {MAX_CHARACTERS:,} characters")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        values += [(one, depth + 1) for one in inner]
    return tree


def copy_tree(value: Any) -> Any:
    """Return a copy of mappings and lists in one another; other values, such as data frames, stay the same object."""
    if isinstance(value, Mapping):
        return {key: copy_tree(item) for key, item in value.items()}
    return [copy_tree(item) for item in value] if isinstance(value, list) else value


def merge_tree(tree: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Lay one tree over another, in place: sections are merged, everything else is replaced.

    Example:
        >>> tree = {"task": {"name": "lm", "max_length": 64}}
        >>> merge_tree(tree, {"task": {"max_length": 128}})
        >>> tree
        {'task': {'name': 'lm', 'max_length': 128}}
    """
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            merge_tree(tree[key], value)
        else:
            tree[key] = value


def override(tree: dict[str, Any], path: str, value: Any, problems: list[str]) -> None:
    """Set one value by its path. In a list of named items, a step is a position or a name; keys of `search` are paths.

    Problems are added to `problems`.

    Example:
        >>> tree = {"methods": ["lora"]}
        >>> override(tree, "methods.lora.r", 16, [])
        >>> tree
        {'methods': [{'name': 'lora', 'r': 16}]}
    """
    section, _, rest = path.partition(".")
    *steps, last = (section, rest) if section == "search" and rest else path.split(".")
    node: Any = tree
    for i, step in enumerate(steps):
        if isinstance(node, list):
            found = _list_item(node, step)
            if found is None:
                problems.append(f"--{path}: {_without_item(node, steps[i - 1], step)}")
                return
            node = found
        else:
            if node.get(step) is None:
                node[step] = [{"name": [*steps, last][i + 1]}] if step == "methods" else {}
            node = node[step]
        if not isinstance(node, dict | list):
            problems.append(
                f"--{path}: {'.'.join(steps[: i + 1])} is {format_value(node)}, which has no keys of its own."
            )
            return
    if isinstance(node, list):
        if not last.isdecimal() or int(last) >= len(node):
            problems.append(f"--{path}: {'.'.join(steps)} is a list of {len(node)}; expected a position in it.")
            return
        node[int(last)] = value
    else:
        is_single = path == "methods" and isinstance(value, str)  # one method by its name, whose values may follow
        node[last] = [value] if is_single else value


def _list_item(items: list[Any], step: str) -> dict[str, Any] | None:
    """Return the item at a position or of a name; one given by its name alone becomes a mapping first."""
    for i, item in enumerate(items):
        if step == str(i) or step == _name_of(item):
            if isinstance(item, str):
                items[i] = {"name": item}
            return items[i]
    return None


def _without_item(items: list[Any], kind: str, step: str) -> str:
    """Return the problem with a name or position that no item of a list has."""
    names = [_name_of(item) or str(i) for i, item in enumerate(items)]
    if kind == "methods" and step in METHODS:
        return f"{step} is not among the run's methods, {', '.join(names)}. Choose it first: --methods {step}."
    if kind == "methods" and not nearest_name(step, names):
        names = list(METHODS)
    return did_you_mean(kind.removesuffix("s"), step, [RENAMED[step]] if step in RENAMED else names)


def _name_of(item: Any) -> str:
    """Return the name of a list's item; empty where it has none."""
    return str(item.get("name") or "") if isinstance(item, dict) else str(item)


def path_problems(key: str, path: str) -> list[str]:
    """Return why no run can use the path at a key, in one message at most; nothing needs to be there.

    Example:
        >>> path_problems("model", "bert"), path_problems("model", "")[0]
        ([], 'model is empty; expected a path. An empty one would be the folder in which the command runs.')
    """
    if not path:
        return [f"{key} is empty; expected a path. An empty one would be the folder in which the command runs."]
    if problem := utf8_problem(path):
        return [f"{key}: {problem}"]
    try:
        Path(path).expanduser().lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return [f"{key}: {format_value(path)} cannot be used: {reason}. Name another path."]
    return []
