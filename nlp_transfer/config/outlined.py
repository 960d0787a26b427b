"""The fields of TransferArguments for `--help`, without the seconds that importing transformers takes."""

import importlib.metadata
import importlib.util
from pathlib import Path

from nlp_transfer.config.outlines import OutlineError, outline


def outlined_arguments() -> type:
    """A dataclass with the fields of `TransferArguments`; itself, where transformers' source is not understood."""
    try:
        theirs = _transformers_folder()
        base = outline(theirs / "training_args.py", "TrainingArguments", _torch_facts())
        strategy = outline(theirs / "trainer_utils.py", "HubStrategy", {})
        known = {one.__name__: one for one in (base, strategy)}
        return outline(Path(__file__).with_name("arguments.py"), "TransferArguments", known)
    except OutlineError:  # a version that writes its fields otherwise; its help is slower, and as right
        from nlp_transfer.training.arguments import TransferArguments

        return TransferArguments


def _transformers_folder() -> Path:
    spec = importlib.util.find_spec("transformers")  # of a top-level package, this imports nothing
    if spec is None or not spec.submodule_search_locations:
        raise OutlineError("transformers is not installed as a folder")
    return Path(spec.submodule_search_locations[0])


def _torch_facts() -> dict[str, object]:
    """What the default optimizer depends on, under transformers' names."""
    major, minor = importlib.metadata.version("torch").split(".")[:2]
    return {
        "is_torch_available": lambda: True,  # we depend on it
        "is_torch_greater_or_equal_than_2_8": (int(major), int(minor)) >= (2, 8),
    }
