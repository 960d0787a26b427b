"""Resolve a model's name to a folder in an installed package, a local folder, or a Hub id.

Imports neither torch nor transformers.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import re
from pathlib import Path

from nlp_transfer.errors import MAX_LISTED_NAMES, ConfigError
from nlp_transfer.files import utf8_problem
from nlp_transfer.models.files.validate import ADAPTER_CONFIG, adapter_base, pickled_weights

PACKAGE_PREFIX = "package:"

_HUB_ID = r"[\w.-]+(/[\w.-]+)?"

_TEXTS, _IMAGES = "AutoTokenizer", "AutoImageProcessor"

_ON_HUB, _AT, _HERE = "Hub model ", " at revision ", "folder "


def resolve_model(name: str) -> str:
    """Return the folder of a model's name, or the Hub id unchanged.

    Args:
        name: `package:PACKAGE/FOLDER` (a folder inside an installed package), a local folder, or a Hub id.

    Example:
        >>> resolve_model("google-bert/bert-base-uncased")
        'google-bert/bert-base-uncased'
    """
    if not name:
        raise ConfigError("model is empty; expected a folder, a Hub id, or a model inside an installed package.")
    if problem := utf8_problem(name):
        raise ConfigError(f"model: {problem}")
    if name.startswith(PACKAGE_PREFIX):
        return str(_package_folder(name))
    folder = Path(name).expanduser()
    if folder.is_dir():
        inner = folder / "model"
        if (inner / "config.json").is_file() and not (folder / "config.json").exists():
            raise ConfigError(f"model: {name} is the folder of a run; its model is {inner}. Name that.")
        return str(folder)
    if folder.exists():
        advice = f" {_tensors_advice(folder)}" if pickled_weights([folder.name]) else ""
        raise ConfigError(
            f"model: {name} is a file; expected the folder that holds its config.json and weights.{advice}"
        )
    if name.startswith((".", "/", "~")) or not re.fullmatch(_HUB_ID, name):
        raise ConfigError(
            f"model: there is no folder {name}. Expected a folder, a Hub id such as answerdotai/ModernBERT-base, or "
            f"{PACKAGE_PREFIX}NAME/FOLDER for a model inside an installed package."
        )
    return name


def check_folder(name: str, folder: Path) -> None:
    """Raise `ConfigError` for a folder without config.json or safetensors weights."""
    check_config(name, folder)
    files = {path.name for path in folder.iterdir()}
    if pickles := pickled_weights(files):
        raise ConfigError(f"model: {name} has its weights as a pickle only ({pickles[0]}). {conversion_advice(name)}")
    if not any(file.endswith(".safetensors") for file in files):
        on_hub = f"has no safetensors weights on the Hub, at most pickles. {conversion_advice(name)}"
        here = f"has no weights (*.safetensors); it holds {', '.join(sorted(files))}."
        raise ConfigError(f"model: {name} {on_hub if _is_hub_id(name) else here}")


def check_config(name: str, folder: Path) -> None:
    """Raise `ConfigError` for a folder without config.json, before it is searched or read."""
    if os.path.lexists(folder / "config.json"):
        return
    files = sorted(path.name for path in folder.iterdir())
    more = f" and {len(files) - MAX_LISTED_NAMES:,} more" if len(files) > MAX_LISTED_NAMES else ""
    listed = f"{', '.join(files[:MAX_LISTED_NAMES])}{more}" if files else "nothing"
    hint = f" (this is an adapter: name its base model{adapter_base(folder)})" if ADAPTER_CONFIG in files else ""
    raise ConfigError(f"model: {name} has no config.json{hint}; it holds {listed}. Expected a saved encoder.")


def read_problem(name: str, what: str, error: Exception) -> str:
    """Return a problem text for a part of a model that could not be read."""
    text = " ".join(str(error).split())[:300]
    if not text or isinstance(error, KeyError | AttributeError | IndexError | AssertionError):
        text = f"{type(error).__name__} {text}".rstrip()
    what = "config.json" if "alidation error for " in text else what  # also the tokenizer's reader reads it
    return f"model: {name}: its {what} cannot be read: {text}"


def origin_of(name: str, folder: Path) -> str:
    """Return the source of a model for reports: package and version, folder, or Hub id and commit."""
    if name.startswith(PACKAGE_PREFIX):
        package, _, inner = name.removeprefix(PACKAGE_PREFIX).partition("/")
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            package += f" {importlib.metadata.version(package.replace('_', '-'))}"
        return f"{inner} of the package {package}"
    # The cache names the folder of a Hub model by its commit.
    return f"{_ON_HUB}{name}{_AT}{folder.name}" if _is_hub_id(name) else f"{_HERE}{folder}"


def public_name(name: str) -> tuple[str, str | None] | None:
    """Return the Hub id of a model's name, with the commit for a place in the Hub's cache; None for others."""
    place = Path(name)
    if (cached := re.fullmatch(r"models--([\w.-]+?)(?:--([\w.-]+))?", place.parent.parent.name)) is not None:
        return "/".join(part for part in cached.groups() if part), place.name
    is_id = re.fullmatch(_HUB_ID, name) is not None and not name.startswith(".") and _is_hub_id(name)
    return (name, None) if is_id else None


def hub_origin(origin: str) -> tuple[str, str] | None:
    """Return the Hub id and commit in an origin of `origin_of`; None for other origins."""
    name, at, revision = origin.removeprefix(_ON_HUB).rpartition(_AT)
    return (name, revision) if origin.startswith(_ON_HUB) and at else None


def folder_origin(origin: str) -> Path | None:
    """Return the folder in an origin of `origin_of`; None for other origins."""
    return Path(origin.removeprefix(_HERE)) if origin.startswith(_HERE) else None


def _tensors_advice(file: Path) -> str:
    """Return advice on converting one file of pickled tensors to safetensors."""
    target = file.with_name("model.safetensors")
    return (
        "Pickles can run code, so they are not read. If you trust this one and its tensors have the names of "
        'transformers, convert it once: python -c "import torch; from safetensors.torch import save_file; '
        f"tensors = torch.load('{file}', map_location='cpu', weights_only=True); "
        f"save_file({{name: one.contiguous() for name, one in tensors.items()}}, '{target}')\" with config.json, and "
        "tokenizer or preprocessor_config.json, beside it. Tensors of torchvision and timm have other names: take the "
        "same network from the Hub, such as microsoft/resnet-50."
    )


def conversion_advice(name: str, auto_class: str = "AutoModel") -> str:
    """Return advice on converting pickled weights to safetensors."""
    folder = f"{Path(name).name}-safetensors"
    reads_images = (Path(name).expanduser() / "preprocessor_config.json").is_file()
    if reads_images:
        auto_class = "AutoModelForImageClassification"
    return (
        "Pickles can run code, so they are not read. If you trust this one, convert it once: "
        f'python -c "from transformers import {auto_class}, {_IMAGES if reads_images else _TEXTS} as T; '
        f"{auto_class}.from_pretrained('{name}', use_safetensors=False).save_pretrained('{folder}'); "
        f"T.from_pretrained('{name}').save_pretrained('{folder}')\" and name the folder {folder}."
    )


def _is_hub_id(name: str) -> bool:
    return not name.startswith(PACKAGE_PREFIX) and not Path(name).expanduser().is_dir()


def _package_folder(name: str) -> Path:
    package, _, inner = name.removeprefix(PACKAGE_PREFIX).partition("/")
    try:
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        hint = package.replace("_", "-")
        raise ConfigError(f"model: {name} needs the package {package!r}, which is not installed: pip install {hint}")
    root = Path(next(iter(spec.submodule_search_locations)))
    folder = root / inner
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ConfigError(
            f"model: {name} leads out of the package {package!r}. Expected {PACKAGE_PREFIX}NAME/FOLDER with a folder "
            "inside the package; name any other folder by its path."
        )
    if not folder.is_dir():
        listed = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("_"))
        raise ConfigError(f"model: the package {package!r} has no folder {inner!r}. Folders: {', '.join(listed)}.")
    return folder
