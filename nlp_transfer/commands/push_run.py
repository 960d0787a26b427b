"""Push a run's model to the Hub.

    run folder -> parts and card -> scan (secrets, personal data, paths, runs of the corpus's words) -> one commit

Nothing is sent before the scan has passed, or what it found was allowed by name.
"""

import logging
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.commands.finished_runs import FinishedRun, read_run
from nlp_transfer.commands.merged_card import MergedModel, is_merged, merged_card, read_merged
from nlp_transfer.commands.model_card import ADAPTER, base_of, run_card
from nlp_transfer.commands.push_settings import PushSettings
from nlp_transfer.commands.training_texts import corpora_of, corpora_of_extractor, extractor_of, texts_of_corpora
from nlp_transfer.config.experiment import Experiment
from nlp_transfer.errors import CheckpointError, ConfigError, NLPTransferError, PublishError, did_you_mean
from nlp_transfer.hub.card import adapter_note
from nlp_transfer.hub.matches import ScanMatch, raise_on_matches
from nlp_transfer.hub.package import RepoFile, model_files, unpublished_files
from nlp_transfer.hub.scan import scan, scan_files
from nlp_transfer.hub.upload import CARD, Repository, check_name, check_target, upload
from nlp_transfer.models.files.validate import ADAPTER_CONFIG
from nlp_transfer.reporting.report import METRICS_FILE

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo

    from nlp_transfer.data.corpus import Corpus

log = logging.getLogger(__name__)

WHAT = ("model", "adapter", "both")
"""The parts of a run that can be pushed; `both` is the model, and the adapter in a folder of that name."""


@dataclass(frozen=True)
class PushPlan:
    """Hold what would be pushed, what stays in the run's folder, the scan's findings, and notes for who pushes."""

    parts: list[RepoFile]
    staying: list[str]
    findings: list[ScanMatch]
    notes: list[str]


def push(
    folder: str | Path,
    repo_id: str | None = None,
    settings: PushSettings | None = None,
    *,
    corpora: "Mapping[str, Corpus] | None" = None,
    token: str | None = None,
) -> "CommitInfo":
    """Push the model of a finished run, or a merged one, to the Hub; raise PublishError if nothing was published.

    Args:
        folder: the run's output folder, or one that scripts/merge.py wrote.
        repo_id: `owner/name`; a name alone is of the one who is logged in; None is the folder's name.
        settings: None is all defaults.
        corpora: the run's corpora, if they are at hand; else they are read again.
        token: of the one who pushes; None is the login of this machine.
    """
    settings = settings or PushSettings()
    run = read_source(Path(folder), settings)
    target = check_push(run.folder, repo_id, settings, token)
    prepared = prepare(run, target.repo_id, settings, corpora=corpora)
    raise_on_matches(prepared.findings, settings.allow or ())
    size = sum(part.size_bytes for part in prepared.parts)
    earlier = target.replaced(prepared.parts) if settings.revision is None else None
    for note in filter(None, [*prepared.notes, earlier]):
        log.info(note)
    log.info("Pushing %d files, %s MB, to %s.", len(prepared.parts), f"{size / 1e6:,.1f}", target.repo_id)
    if isinstance(run, MergedModel):
        message = run.words
    else:
        message = f"{run.task} by {' + '.join(method['name'] for method in run.config['methods'])}"
    return upload(
        target,
        prepared.parts,
        message=message,
        public=settings.public,
        revision=settings.revision,
        token=token,
    )


def read_source(folder: Path, settings: PushSettings) -> FinishedRun:
    """Read the finished run or merged model of a folder."""
    run = read_merged(folder) if is_merged(folder) else read_run(folder)
    if settings.run and not extractor_of(run).is_dir():
        raise ConfigError(f"--run names the run of a model's extractor, and {folder} holds none. Leave it out.")
    return run


def check_push(folder: Path, repo_id: str | None, settings: PushSettings, token: str | None) -> Repository:
    """Check that a push will be let in and can be scanned; see `check_target`."""
    scan([("", "nothing")])
    return check_target(
        repo_id,
        name=folder.resolve().name,
        public=settings.public,
        allow_existing=settings.allow_existing,
        token=token,
    )


def prepare(
    run: FinishedRun, repo_id: str, settings: PushSettings, *, corpora: "Mapping[str, Corpus] | None" = None
) -> PushPlan:
    """Choose what goes, write its card, and scan both. No network."""
    check_name(repo_id)
    parts, staying = _parts(run, settings)
    parts.append(RepoFile(CARD, card_text(run, repo_id, settings).encode(), "the card"))
    notes = notes_on(run, settings)
    texts: Iterator[str] = iter(())
    if not settings.skip_overlap_check:
        held = dict(corpora if corpora is not None else corpora_of(run))
        try:
            held |= corpora_of_extractor(run, Path(settings.run) if settings.run else None)
        except PublishError as error:
            notes += error.problems
        texts = texts_of_corpora(held)
    return PushPlan(parts, staying, scan_files(parts, texts), notes)


def card_text(run: FinishedRun, repo_id: str, settings: PushSettings) -> str:
    """Return the card that was given, as it is, or the one that the run makes."""
    if settings.card is not None:
        if settings.license or settings.language:
            raise ConfigError("--card is a whole card; write license and language into it, and leave the options out.")
        try:
            return Path(settings.card).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problem = f"--card {settings.card} cannot be read: {error}. Write one with --write_card."
            raise ConfigError(problem) from error
    about: dict[str, Any] = {"license_name": settings.license, "language": settings.language or ()}
    if isinstance(run, MergedModel):
        return merged_card(run, repo_id, **about).text()
    what = _what(run, settings)
    return run_card(run, repo_id, adapter=what == ADAPTER, both=what == "both", **about).text()


def notes_on(run: FinishedRun, settings: PushSettings) -> list[str]:
    """Return notes for the one who pushes."""
    what = _what(run, settings)
    note = adapter_note(base_of(run)) if what != "model" else None
    if note is not None and what == ADAPTER and (run.folder / "model").is_dir():
        note += " --what model pushes the model that holds both."
    return [note] if note is not None else []


def _what(run: FinishedRun, settings: PushSettings) -> str:
    """Return the part to push; raises CheckpointError or ConfigError where the run lacks it."""
    there = [name for name in ("model", ADAPTER) if (run.folder / name).is_dir()]
    wanted = settings.what or (there[0] if there else "model")
    if wanted not in WHAT:
        raise ConfigError(f"--what: {did_you_mean('part', wanted, WHAT)}")
    lacking = [name for name in (("model", ADAPTER) if wanted == "both" else (wanted,)) if name not in there]
    if lacking:
        raise CheckpointError(
            f"{run.folder} has no {lacking[0]}/, so --what {wanted} cannot be pushed; it has "
            f"{' and '.join(f'{name}/' for name in there) or 'neither model/ nor adapter/'}."
        )
    return wanted


def _parts(run: FinishedRun, settings: PushSettings) -> tuple[list[RepoFile], list[str]]:
    """Return the files of the model or adapter and its scores, and the names of what stays."""
    wanted = _what(run, settings)
    folders = {"": "model", f"{ADAPTER}/": ADAPTER} if wanted == "both" else {"": wanted}
    parts: list[RepoFile] = []
    staying: list[str] = []
    for under, name in folders.items():
        folder, base = run.folder / name, None
        if name == ADAPTER:
            base = base_of(run)
            if not (folder / ADAPTER_CONFIG).is_file():
                raise CheckpointError(f"{folder} has no {ADAPTER_CONFIG}; expected the adapter of a run.")
        files = model_files(folder, under=under, base=base)
        parts += files
        staying += [f"{name}/{other}" for other in unpublished_files(folder, files)]
    parts.append(RepoFile(METRICS_FILE, run.folder / METRICS_FILE, "all scores"))
    stays = [path for path in run.folder.iterdir() if path.name not in (*folders.values(), METRICS_FILE)]
    return parts, staying + sorted(f"{path.name}/" if path.is_dir() else path.name for path in stays)


def push_after_run(folder: Path, config: Experiment, corpora: "Mapping[str, Corpus]") -> "CommitInfo":
    """Push what `training.push_to_hub` asked for; raise PublishError with the command to repeat it if it failed."""
    settings, repo_id = PushSettings.of(config), config.training.hub_model_id
    try:
        return push(folder, repo_id, settings, corpora=corpora, token=config.training.hub_token)
    except Exception as error:  # whatever it is, the run is finished and whole
        what = str(error) if isinstance(error, NLPTransferError) else f"{type(error).__name__}: {error}"
        raise PublishError(
            f"The run is finished, and its model was NOT pushed: {what}\n"
            f"Push it with: {_retry_command(folder, repo_id, settings)}"
        ) from error


def _retry_command(folder: Path, repo_id: str | None, settings: PushSettings) -> str:
    words = ["python", "scripts/push.py", str(folder), repo_id or folder.resolve().name]
    words += ["--public"] if settings.public else []
    return shlex.join([*words, *(["--revision", settings.revision] if settings.revision else [])])
