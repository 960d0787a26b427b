"""Load the tokenizer of a model, and check that it has a vocabulary and a sensible length."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.files.download import model_folder
from nlp_transfer.models.files.resolve import check_config, read_problem, resolve_model
from nlp_transfer.models.reference import ModelReference

logger = transformers_logging.get_logger(__name__)

_VOCABULARIES = "tokenizer.json, vocab.txt or sentencepiece.bpe.model"


def load_tokenizer(reference: ModelReference) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model from a folder or the Hub."""
    name, code = reference.model, reference.trust_remote_code
    source = Path(resolve_model(name))
    if source.is_dir() and not _has_vocabulary(source):  # a tokenizer may have a folder of its own
        check_config(name, source)
    return read_tokenizer(name, model_folder(name, revision=reference.revision, trust_remote_code=code), code)


def read_tokenizer(name: str, folder: Path, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """Load the tokenizer in a folder from `model_folder`; see `load_tokenizer`."""
    try:
        with quiet_loading():
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    except Exception as error:  # transformers and tokenizers raise many kinds for a torn folder
        raise ConfigError(_tokenizer_problem(name, folder, error)) from error
    special = len(set(tokenizer.all_special_ids))
    if len(tokenizer) <= 2 * special:
        # Where the files are missing transformers makes a tokenizer without vocabulary: every word becomes "unknown".
        raise ConfigError(
            f"model: {name} has no vocabulary: its tokenizer files are missing or cut, for it has {len(tokenizer)} "
            f"tokens, {special} of them special. Copy {_VOCABULARIES} from where the encoder came from."
        )
    if (longest := tokenizer.model_max_length) <= (added := tokenizer.num_special_tokens_to_add()):
        raise ConfigError(
            f"model: {name}: model_max_length in its tokenizer_config.json is {longest}, of which {added} are special "
            "tokens; expected room for a text, such as 512."
        )
    if tokenizer.padding_side != "right":
        # Heads read the first token, and positions count from it: with padding there a score depends on the batch.
        logger.warning(f"{name}: its tokenizer pads to the {tokenizer.padding_side}; padded to the right from here on.")
        tokenizer.padding_side = "right"
    return tokenizer


def _has_vocabulary(folder: Path) -> bool:
    return any(any(folder.glob(pattern)) for pattern in ("tokenizer.json", "vocab*", "*.model"))


def _tokenizer_problem(name: str, folder: Path, error: Exception) -> str:
    """Return a problem text for a tokenizer that cannot be read, naming the damaged file where possible."""
    place = folder / "tokenizer.json"
    if place.is_file():
        try:
            Tokenizer.from_file(str(place))
        except Exception as fault:  # the library raises no other kind
            return read_problem(name, place.name, fault)
    elif not _has_vocabulary(folder):
        return f"model: {name}: its tokenizer files are missing ({_VOCABULARIES}). Copy them from the encoder's source."
    files = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
    present = ", ".join(file for file in files if (folder / file).is_file())
    return read_problem(name, f"tokenizer ({present})" if present else "tokenizer", error)


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """Suppress transformers' loading report and progress bar."""
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
