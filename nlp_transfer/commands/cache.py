"""The command of scripts/cache.py."""

import sys
from collections.abc import Sequence

from nlp_transfer.config.command_ending import quiet_exit
from nlp_transfer.config.command_line import command_parser
from nlp_transfer.errors import ConfigError


def cache(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/cache.py. Returns its exit status."""
    with quiet_exit() as status:
        parser = command_parser(description)
        parser.add_argument("action", choices=("list", "clear"), help="what to do")
        parser.add_argument("--room", metavar="NAME", help="only this room, such as activations")
        parser.add_argument(
            "--older_than_days",
            type=float,
            default=0.0,
            metavar="N",
            help="clear only what was not used for so long (default: 0, all)",
        )
        options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
        from nlp_transfer.commands.cache_contents import cached_files, clear_cache, describe_cache
        from nlp_transfer.files import cache_dir
        from nlp_transfer.models.activation_cache.store import shown_bytes

        if not options.older_than_days >= 0:
            raise ConfigError(f"--older_than_days is {options.older_than_days}; expected 0 or more.")
        if options.action == "list":
            if options.older_than_days:
                raise ConfigError("--older_than_days says what to clear; list shows all ages.")
            print(describe_cache(cached_files(options.room)))
        else:
            gone = clear_cache(options.room, options.older_than_days)
            freed = shown_bytes(sum(file.size_bytes for file in gone))
            print(f"Deleted {len(gone)} {'file' if len(gone) == 1 else 'files'}, {freed}, from {cache_dir()}.")
    return status.code
