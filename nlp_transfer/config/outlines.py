"""A class's fields from its source text: what `--help` shows of a class whose module takes seconds to import.

An outline is the class without its methods: docstring, annotated fields with the help in their metadata, constants,
and its base classes outlined likewise. It is made of the source's syntax tree, so that a dataclass's outline is a
dataclass and an Enum's is an Enum. Names are followed through the source's `from` imports; a class of another
distribution is known by its name alone.
"""

import ast
import builtins
import copy
import functools
import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn


class OutlineError(Exception):
    """The source holds what an outline cannot tell; import the class instead."""


class _Unseen(type):
    """The type of a class of which only the name is known: enough for an annotation, and for nothing else."""

    def __bool__(cls) -> NoReturn:
        raise OutlineError(f"whether {cls.__name__} is true is not known")

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        raise OutlineError(f"what {cls.__name__} returns is not known")


def outline(file: Path, name: str, known: Mapping[str, Any]) -> type:
    """The class without its methods.

    Args:
        file: the source that defines it.
        name: the class's.
        known: what stands for names that the source uses, wherever it gets them.

    Raises:
        OutlineError: with the file and what in it is not understood.
    """
    definition = next((n for n in _parsed(file).body if isinstance(n, ast.ClassDef) and n.name == name), None)
    if definition is None:
        raise OutlineError(f"{file} defines no class {name} at its top level")
    body = list(_fields(definition.body)) or [ast.Pass()]
    shell = copy.copy(definition)
    shell.body = body
    module = ast.fix_missing_locations(ast.Module([shell], []))
    own = {n.id for n in ast.walk(module) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    used = {n.id for n in ast.walk(module) if isinstance(n, ast.Name)} - own
    namespace: dict[str, Any] = {"__name__": __name__, **{word: _value(file, word, known) for word in used}}
    if any(isinstance(namespace.get(n.id), _Unseen) for n in definition.bases if isinstance(n, ast.Name)):
        raise OutlineError(f"{file}: a base class of {name} is defined elsewhere")
    try:
        exec(compile(module, str(file), "exec"), namespace)
    except Exception as error:  # any statement may stand in a source
        raise OutlineError(f"{file}: the fields of {name} cannot be read alone: {error}") from error
    made: type = namespace[name]
    if any(isinstance(hint, str) for hint in inspect.get_annotations(made).values()):
        raise OutlineError(f"{file}: the annotations of {name} are text")
    return made


@functools.cache
def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), str(file))
    except (OSError, SyntaxError, ValueError) as error:
        raise OutlineError(f"{file} cannot be parsed: {error}") from error


def _fields(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a class that make its docstring, fields and constants."""
    for statement in body:
        if isinstance(statement, ast.AnnAssign | ast.Assign | ast.Expr):
            yield _HelpAlone().visit(copy.deepcopy(statement))
        elif isinstance(statement, ast.If):
            yes, no = list(_fields(statement.body)), list(_fields(statement.orelse))
            yield ast.copy_location(ast.If(statement.test, yes or [ast.Pass()], no), statement)


class _HelpAlone(ast.NodeTransformer):
    """Leaves out of a field's metadata what is not its help, such as `choices` that only a program can compute."""

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        """See the class."""
        if node.arg == "metadata" and isinstance(node.value, ast.Dict):
            items = zip(node.value.keys, node.value.values, strict=True)
            kept = [(k, v) for k, v in items if isinstance(k, ast.Constant) and k.value == "help"]
            node.value = ast.copy_location(ast.Dict([k for k, _ in kept], [v for _, v in kept]), node.value)
        return node


def _value(file: Path, name: str, known: Mapping[str, Any]) -> Any:
    """What a name means in a source: something known, a builtin, a class, or what is imported by that name."""
    if name in known:
        return known[name]
    if any(isinstance(node, ast.ClassDef) and node.name == name for node in _parsed(file).body):
        return outline(file, name, known)
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return _imported(file, node, alias.name, known)
    if hasattr(builtins, name):
        return getattr(builtins, name)
    raise OutlineError(f"{file}: what {name} means is not known")


def _imported(file: Path, node: ast.ImportFrom, name: str, known: Mapping[str, Any]) -> Any:
    module = node.module or ""
    if node.level:
        place = file.parents[node.level - 1].joinpath(*module.split("."))
        return _value(place / "__init__.py" if place.is_dir() else place.with_suffix(".py"), name, known)
    if module.partition(".")[0] in sys.stdlib_module_names:
        return getattr(importlib.import_module(module), name)
    return _Unseen(name, (), {})
