"""Put a finished run's model on the Hub."""

from pathlib import Path
from typing import TYPE_CHECKING

from nlp_transfer.errors import ConfigError

if TYPE_CHECKING:
    from nlp_transfer.commands.push_run import PushSettings


def push(
    run_folder: str,
    repo_id: str,
    *,
    what: str | None = None,
    dry_run: bool = False,
    public: bool = False,
    revision: str | None = None,
    license: str | None = None,
    language: list[str] | None = None,
    write_card: str | None = None,
    card: str | None = None,
    allow: list[str] | None = None,
    run: list[str] | None = None,
    skip_overlap_check: bool = False,
    allow_existing: bool = False,
) -> None:
    """Put a finished run's model, or a merged one, on the Hub, private unless you ask otherwise, with a card.

        nlp-transfer push runs/clauses me/clauses --dry_run
        nlp-transfer push runs/clauses me/clauses --license mit --language en
        nlp-transfer push runs/clauses me/clauses-lora --what adapter
        nlp-transfer push runs/soup me/soup --run runs/seed0 runs/seed1

    Weights, configuration, tokenizer, card and scores go, nothing else. Before anything is sent, all of it is scanned
    for secrets, personal data, paths, and 8 words in a row that stand in the run's texts; a finding stops the push.
    Interrupted, the same command goes on: files that arrived whole are not sent again. Log in before by `hf auth
    login`.

    Args:
        run_folder: the output folder of a finished run, or of a merge.
        repo_id: OWNER/NAME; a NAME alone is yours.
        what: model, adapter, or both: the model with the adapter in a folder; null is the model, if the run has one.
        dry_run: list what would go and why, scan it, send nothing.
        public: let everyone read a new repository.
        revision: a branch, made where there is none; null is main.
        license: for the card, as the Hub names it, such as apache-2.0.
        language: of the texts, for the card, such as en.
        write_card: write the card to this file, to be edited, and stop.
        card: take this card as it is; it is scanned as well.
        allow: keys of the scan's findings to let pass.
        run: the runs that a merged model is of, where they are not next to it, or the run of a model's extractor.
        skip_overlap_check: do not look for words of the corpus, where it is not at hand.
        allow_existing: push into a repository that holds files of no push of ours.

    Raises:
        ConfigError: the card's file is there already, or cannot be written.
    """
    from nlp_transfer.commands import push_run

    settings = push_run.PushSettings(
        what=what,
        public=public,
        revision=revision,
        license_name=license,
        language=tuple(language or ()),
        card=Path(card) if card else None,
        allowed=tuple(allow or ()),
        check_corpus=not skip_overlap_check,
        allow_existing=allow_existing,
        runs=tuple(map(Path, run or ())),
    )
    folder = Path(run_folder)
    if write_card is not None:
        _write_card(Path(write_card), folder, repo_id, settings)
    elif dry_run:
        _dry_run(folder, repo_id, settings)
    else:
        done = push_run.push(folder, repo_id, settings)
        branch = f"/tree/{revision}" if revision else ""
        print(f"{done.repo_url}{branch}\nrevision {done.oid}")


def _write_card(place: Path, folder: Path, repo_id: str, settings: "PushSettings") -> None:
    from nlp_transfer.commands.push_run import card_text, read_source

    text = card_text(read_source(folder, settings), repo_id, settings)
    try:
        with place.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigError(
            f"--write_card {place} is there already, and is not overwritten; name another file."
        ) from error
    except OSError as error:
        raise ConfigError(f"--write_card {place} cannot be written: {error.strerror or error}.") from error
    print(f"The card is in {place}. Edit it, and push it with --card {place}.")


def _dry_run(folder: Path, repo_id: str, settings: "PushSettings") -> None:
    from nlp_transfer.commands.push_run import prepare, read_source
    from nlp_transfer.hub.matches import raise_on_matches
    from nlp_transfer.reporting.tables import console, to_rich
    from nlp_transfer.tasks.blocks import Table

    prepared = prepare(read_source(folder, settings), repo_id, settings)
    rows = [[part.name, part.why, f"{part.size_bytes:,}"] for part in prepared.parts]
    console().print(to_rich(Table("", ["file", "why", "bytes"], rows, names=2), longest_name=60))
    print("\n".join([f"Stays here: {', '.join(prepared.staying) or 'nothing'}.", *prepared.notes]))
    raise_on_matches(prepared.findings, settings.allowed)
    print("The scan lets it pass. Nothing was sent.")
