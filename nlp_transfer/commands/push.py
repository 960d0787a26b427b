"""Put a finished run's model on the Hub."""

from pathlib import Path

from nlp_transfer.commands.push_settings import PushSettings
from nlp_transfer.errors import ConfigError


def push(
    run_folder: str,
    repo_id: str,
    *,
    dry_run: bool = False,
    write_card: str | None = None,
    settings: PushSettings | None = None,
) -> None:
    """Put a finished run's model, or a merged one, on the Hub, private unless you ask otherwise, with a card.

        nlp-transfer push runs/clauses me/clauses --dry_run
        nlp-transfer push runs/clauses me/clauses --license mit --language en
        nlp-transfer push runs/clauses me/clauses-lora --what adapter
        nlp-transfer push runs/soup me/soup

    Weights, configuration, tokenizer, card and scores go, nothing else. Before anything is sent, all of it is scanned
    for secrets, personal data, paths, and 8 words in a row that stand in the run's texts; a finding stops the push.
    Interrupted, the same command goes on: files that arrived whole are not sent again. Log in before by `hf auth
    login`.

    Args:
        run_folder: the output folder of a finished run, or of a merge.
        repo_id: OWNER/NAME; a NAME alone is yours.
        dry_run: list what would go and why, scan it, send nothing.
        write_card: write the card to this file, to be edited, and stop.
        settings: what goes, where and how.
    """
    from nlp_transfer.commands import push_run

    settings, folder = settings or PushSettings(), Path(run_folder)
    if write_card is not None:
        _write_card(Path(write_card), folder, repo_id, settings)
    elif dry_run:
        _dry_run(folder, repo_id, settings)
    else:
        done = push_run.push(folder, repo_id, settings)
        branch = f"/tree/{settings.revision}" if settings.revision else ""
        print(f"{done.repo_url}{branch}\nrevision {done.oid}")


def _write_card(place: Path, folder: Path, repo_id: str, settings: PushSettings) -> None:
    from nlp_transfer.commands.push_run import card_text, read_source

    text = card_text(read_source(folder, settings), repo_id, settings)
    try:
        with place.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        problem = f"--write_card {place} cannot be written: {error.strerror or error}. Name a new file."
        raise ConfigError(problem) from error
    print(f"The card is in {place}. Edit it, and push it with --card {place}.")


def _dry_run(folder: Path, repo_id: str, settings: PushSettings) -> None:
    from nlp_transfer.commands.push_run import prepare, read_source
    from nlp_transfer.hub.matches import raise_on_matches
    from nlp_transfer.reporting.tables import console, to_rich
    from nlp_transfer.tasks.blocks import Table

    prepared = prepare(read_source(folder, settings), repo_id, settings)
    rows = [[part.name, part.why, f"{part.size_bytes:,}"] for part in prepared.parts]
    console().print(to_rich(Table("", ["file", "why", "bytes"], rows, names=2), longest_name=60))
    print("\n".join([f"Stays here: {', '.join(prepared.staying) or 'nothing'}.", *prepared.notes]))
    raise_on_matches(prepared.findings, settings.allow or ())
    print("The scan lets it pass. Nothing was sent.")
