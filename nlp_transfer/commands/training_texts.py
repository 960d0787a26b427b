"""Read again the texts that a model learned from, so that a push can look for their words."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.commands.finished_runs import FinishedRun, read_run
from nlp_transfer.commands.merged_card import MergedModel
from nlp_transfer.errors import CheckpointError, NLPTransferError, PublishError
from nlp_transfer.hub.overlap import RUN_WORDS
from nlp_transfer.models.files.manifest import folder_fingerprint
from nlp_transfer.models.files.validate import EXTRACTOR
from nlp_transfer.reporting.report import MODEL
from nlp_transfer.reporting.run_folder import inspect
from nlp_transfer.training.setup import load_corpora

if TYPE_CHECKING:
    from nlp_transfer.data.corpus import Corpus

WITHOUT_CHECK = "pass --skip_overlap_check if you have looked yourself"


def corpora_of(run: FinishedRun) -> "Mapping[str, Corpus]":
    """Read again the corpora of a run, or of each run of a merged model, which are numbered."""
    if not isinstance(run, MergedModel):
        return _read_again(run)
    held: dict[str, Corpus] = {}
    seen: list[Any] = []
    for number, one in enumerate(run.runs, 1):
        inputs = _corpus_inputs(one)
        if not inputs or inputs not in seen:  # seeds of one recipe read the same texts
            seen.append(inputs)
            held |= {f"{domain} of run {number}": corpus for domain, corpus in _read_again(one).items()}
    return held


def _read_again(run: FinishedRun) -> "Mapping[str, Corpus]":
    """Read a run's corpora again; raise PublishError if they cannot be read, or are others now."""
    skip = (
        f"Without them it is not known whether {RUN_WORDS} words in a row of theirs are among what would be published. "
        f"Run the command where they lie, or {WITHOUT_CHECK}."
    )
    try:
        corpora, _ = load_corpora(run.settings)
    except NLPTransferError as error:
        raise PublishError(f"The texts of the run cannot be read again ({error}). {skip}") from error
    for domain, corpus in corpora.items():
        before = run.record.get("inputs", {}).get(f"{domain} corpus")
        if before not in (None, corpus.fingerprint):
            raise PublishError(
                f"The {domain} corpus is another than in the run: its fingerprint was {before[:12]}…, now it is "
                f"{corpus.fingerprint[:12]}…. {skip}"
            )
    return corpora


def extractor_of(run: FinishedRun) -> Path:
    """Return the folder of the extractor in a model, which may not exist."""
    return run.folder / MODEL / EXTRACTOR


def corpora_of_extractor(run: FinishedRun, given: Path | None) -> "Mapping[str, Corpus]":
    """Read again the corpora of the extractor in a model, whose run is `given` or configured; none without one."""
    if not extractor_of(run).is_dir():
        return {}
    wanted = folder_fingerprint(extractor_of(run), "*.safetensors")
    unknown = f"The texts that the model's {EXTRACTOR}/ learned from were not looked through"
    named = Path(str(run.config["task"].get("extractor"))).expanduser()
    places = [given] if given else [named, named.parent]
    source_run = next((one for one in _runs_at(places) if one.fingerprint == wanted), None)
    if source_run is None and given:
        raise CheckpointError(
            f"--run {given}: its {MODEL}/ is not the {EXTRACTOR}/ of {run.folder}, whose weights have the "
            f"fingerprint {wanted[:12]}…. Name the run that made it."
        )
    if source_run is None:
        raise PublishError(f"{unknown}: its run is not at {named} any more. Name the run's folder with --run.")
    if _corpus_inputs(source_run) and _corpus_inputs(source_run).items() <= _corpus_inputs(run).items():
        return {}  # it learned from what the model learned from
    try:
        return {f"{domain} of the extractor": corpus for domain, corpus in _read_again(source_run).items()}
    except PublishError as error:
        raise PublishError(f"{unknown}. {error}") from error


def _runs_at(places: Sequence[Path]) -> Iterator[FinishedRun]:
    """Yield the finished runs with a model among some folders."""
    for place in places:
        if (place / MODEL).is_dir() and inspect(place).state == "finished":
            yield read_run(place)


def _corpus_inputs(run: FinishedRun) -> dict[str, str]:
    """Return the fingerprints of a run's corpora, by domain."""
    return {name: value for name, value in run.inputs.items() if name != "model"}


def texts_of_corpora(corpora: "Mapping[str, Corpus]") -> Iterator[str]:
    """Yield every text of every split, summaries and marked passages included."""
    for corpus in corpora.values():
        for split in corpus.splits.values():
            columns = [name for name in split.column_names if name not in ("id", "label", "labels")]
            for batch in split.select_columns(columns).iter(1000):
                for value in chain.from_iterable(batch.values()):
                    if isinstance(value, str):
                        yield value
                    elif isinstance(value, Sequence):  # a run of words may go over the sentences of a document
                        yield " ".join(item for item in value if isinstance(item, str))
