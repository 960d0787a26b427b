"""The command of scripts/push.py."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nlp_transfer.config.command_ending import quiet_exit
from nlp_transfer.config.command_line import command_parser
from nlp_transfer.errors import ConfigError


def push(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/push.py. Returns its exit status."""
    with quiet_exit() as status:
        options = _push_parser(description).parse_args(sys.argv[1:] if arguments is None else arguments)
        from nlp_transfer.commands.push_run import PushSettings, card_text, plan_table, prepare, read_source
        from nlp_transfer.commands.push_run import push as send

        settings = PushSettings(
            what=options.what,
            public=options.public,
            revision=options.revision,
            license_name=options.license,
            language=tuple(options.language),
            card=options.card and Path(options.card),
            allowed=tuple(options.allow),
            check_corpus=not options.skip_overlap_check,
            allow_existing=options.allow_existing,
            runs=tuple(map(Path, options.run)),
        )
        folder = Path(options.run_folder)
        if options.write_card is not None:
            place = Path(options.write_card)
            if place.exists():
                raise ConfigError(f"--write_card {place} is there already, and is not overwritten; name another file.")
            text = card_text(read_source(folder, settings), options.repo_id, settings)
            try:
                place.write_text(text, "utf-8")
            except OSError as error:
                raise ConfigError(f"--write_card {place} cannot be written: {error.strerror or error}.") from error
            print(f"The card is in {place}. Edit it, and push it with --card {place}.")
        elif options.dry_run:
            from nlp_transfer.hub.matches import raise_on_matches
            from nlp_transfer.reporting.tables import console, to_rich

            prepared = prepare(read_source(folder, settings), options.repo_id, settings)
            console().print(to_rich(plan_table(prepared), longest_name=60))
            print("\n".join([f"Stays here: {', '.join(prepared.left) or 'nothing'}.", *prepared.notes]))
            raise_on_matches(prepared.findings, settings.allowed)
            print("The scan lets it pass. Nothing was sent.")
        else:
            done = send(folder, options.repo_id, settings)
            branch = f"/tree/{settings.revision}" if settings.revision else ""
            print(f"{done.repo_url}{branch}\nrevision {done.oid}")
    return status.code


def _push_parser(description: str) -> argparse.ArgumentParser:
    parser = command_parser(description)
    parser.add_argument(
        "run_folder", metavar="RUN_FOLDER", help="the output folder of a finished run, or of scripts/merge.py"
    )
    parser.add_argument("repo_id", metavar="REPO_ID", help="OWNER/NAME; a NAME alone is yours")
    parser.add_argument(
        "--what",
        metavar="PART",
        help="model, adapter, or both: the model with the adapter in a folder (default: model, if the run has one)",
    )
    parser.add_argument("--dry_run", action="store_true", help="list what would go and why, scan it, send nothing")
    parser.add_argument("--public", action="store_true", help="let everyone read a new repository (default: private)")
    parser.add_argument("--revision", metavar="NAME", help="a branch; made where there is none (default: main)")
    parser.add_argument("--license", metavar="NAME", help="for the card, as the Hub names it, such as apache-2.0")
    parser.add_argument("--language", nargs="+", default=[], metavar="CODE", help="of the texts, such as en")
    parser.add_argument("--write_card", metavar="FILE", help="write the card to a file, to be edited, and stop")
    parser.add_argument(
        "--card", metavar="FILE", help="take this card; the numbers and base model in its metadata must be the run's"
    )
    parser.add_argument("--allow", nargs="+", default=[], metavar="KEY", help="let findings of the scan pass, by key")
    parser.add_argument(
        "--run",
        nargs="+",
        default=[],
        metavar="DIR",
        help="the runs that a merged model is of, where they do not lie around it, or the run of a model's extractor; "
        "known by their fingerprints",
    )
    parser.add_argument(
        "--skip_overlap_check",
        action="store_true",
        help="do not look for words of the corpus, where it is not at hand",
    )
    parser.add_argument(
        "--allow_existing", action="store_true", help="push into a repository that holds files of no push of ours"
    )
    return parser
