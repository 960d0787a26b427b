"""Load the processor of an encoder of images: the size, mean and deviation of its pixels."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.files.download import model_folder
from nlp_transfer.models.files.resolve import check_config, read_problem, resolve_model
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.models.tokenizer_loading import quiet_loading

if TYPE_CHECKING:
    from transformers import BaseImageProcessor

FILE = "preprocessor_config.json"


def load_image_processor(reference: ModelReference) -> "BaseImageProcessor":
    """Load the image processor of a model from a folder or the Hub."""
    name, code = reference.model, reference.trust_remote_code
    source = Path(resolve_model(name))
    if source.is_dir() and not (source / FILE).exists():
        check_config(name, source)
    return read_image_processor(name, model_folder(name, revision=reference.revision, trust_remote_code=code), code)


def read_image_processor(name: str, folder: Path, trust_remote_code: bool = False) -> "BaseImageProcessor":
    """Load the image processor in a folder from `model_folder`.

    It is Pillow's, also where torchvision is installed, whose resizing makes other pixels.
    """
    from transformers import AutoImageProcessor

    if not (folder / FILE).is_file():
        raise ConfigError(
            f"model: {name} has no {FILE}, which says how images are resized and normalised. Copy it from where the "
            "encoder came from."
        )
    try:
        with quiet_loading():
            processor: Any = AutoImageProcessor.from_pretrained(
                folder, trust_remote_code=trust_remote_code, backend="pil"
            )
    except Exception as error:  # transformers raises many kinds for a torn folder
        raise ConfigError(read_problem(name, FILE, error)) from error
    return processor  # type: ignore[no-any-return]
