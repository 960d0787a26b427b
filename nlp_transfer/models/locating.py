"""Where a model is: inside an installed package, in a folder, or on the Hub; and what is wrong if it is not there.

Light to import: neither torch nor transformers.
"""

import contextlib
import importlib.metadata
import importlib.util
import re
from pathlib import Path

from nlp_transfer.errors import ConfigError

PACKAGE_PREFIX = "package:"


def resolve_model(name: str) -> str:
    """Where a model is: a folder, or a Hub id as it came.

    Args:
        name: `package:PACKAGE/FOLDER` (a folder inside an installed package), a local folder, or a Hub id.

    Raises:
        ConfigError: the package or folder does not exist, or the name is none of the three.
    """
    if name.startswith(PACKAGE_PREFIX):
        return str(_package_folder(name))
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder)
    if folder.exists():
        raise ConfigError(f"model: {name} is a file; expected the folder that holds its config.json and weights.")
    if name.startswith((".", "/", "~")) or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise ConfigError(
            f"model: there is no folder {name}. Expected a folder, a Hub id such as answerdotai/ModernBERT-base, or "
            f"{PACKAGE_PREFIX}NAME/FOLDER for a model inside an installed package."
        )
    return name


def check_folder(name: str, source: str) -> None:
    """Check that a folder holds an encoder with weights that are read; a Hub id is not looked at.

    Raises:
        ConfigError: no config.json, or no safetensors.
    """
    folder = Path(source)
    if not folder.is_dir():
        return
    files = {path.name for path in folder.iterdir()}
    if "config.json" not in files:
        found = ", ".join(sorted(files)) or "nothing"
        hint = " (this is an adapter: name its base model)" if "adapter_config.json" in files else ""
        raise ConfigError(f"model: {name} has no config.json{hint}; it holds {found}. Expected a saved encoder.")
    pickles = sorted(file for file in files if file.endswith((".bin", ".pt")) and "training_args" not in file)
    if not any(file.endswith(".safetensors") for file in files):
        if pickles:
            raise ConfigError(f"model: {name} has its weights as a pickle only ({pickles[0]}). {_conversion(name)}")
        raise ConfigError(f"model: {name} has no weights (*.safetensors); it holds {', '.join(sorted(files))}.")


def fetch_problem(name: str, source: str, what: str, error: Exception) -> str:
    """Word why something of a model could not be read."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if Path(source).is_dir():
        return f"model: {name}: its {what} cannot be read: {text}"
    if "couldn't connect" in text or "offline" in text:
        return (
            f"model: {name} is not a folder here, and as a Hub id it cannot be fetched: there is no network, and it is "
            f"not in the cache. Check the name and the connection, or name a local folder."
        )
    hint = f" {_conversion(name)}" if "safetensors" in text else ""
    return f"model: the {what} of {name} cannot be fetched from the Hub: {text}{hint}"


def origin_of(name: str, source: str, commit: str | None) -> str:
    """Where a model came from, in words for a report: package and version, folder, or Hub id and commit."""
    if name.startswith(PACKAGE_PREFIX):
        package, _, inner = name.removeprefix(PACKAGE_PREFIX).partition("/")
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return f"{inner} of the package {package} {importlib.metadata.version(package.replace('_', '-'))}"
        return f"{inner} of the package {package}"
    if Path(source).is_dir():
        return f"folder {source}"
    return f"Hub model {name} at revision {commit}" if commit else f"Hub model {name}"


def _conversion(name: str) -> str:
    """How to make safetensors of pickled weights."""
    folder = f"{Path(name).name}-safetensors"
    return (
        "Pickles can run code, so they are not read. If you trust this one, convert it once: "
        'python -c "from transformers import AutoModel, AutoTokenizer as T; '
        f"AutoModel.from_pretrained('{name}', use_safetensors=False).save_pretrained('{folder}'); "
        f"T.from_pretrained('{name}').save_pretrained('{folder}')\" and name the folder {folder}."
    )


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
    if not folder.is_dir():
        found = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("_"))
        raise ConfigError(f"model: the package {package!r} has no folder {inner!r}. Folders: {', '.join(found)}.")
    return folder
