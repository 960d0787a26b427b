"""List or clear the cache."""

from typing import Literal

from nlp_transfer.errors import ConfigError


def cache(action: Literal["list", "clear"], *, room: str | None = None, older_than_days: float = 0.0) -> None:
    """List or clear what is kept on disk so that it is computed once.

    It holds read corpora, tokens, and a frozen encoder's outputs: all derived from your texts, so delete it with them.
    NLP_TRANSFER_CACHE sets its folder. Runs that are going on keep what they have opened.

        nlp-transfer cache list
        nlp-transfer cache clear --room activations --older_than_days 7

    Args:
        action: what to do.
        room: only this room, such as activations.
        older_than_days: clear only what was not used for so long; 0 is all.

    Raises:
        ConfigError: an age below 0, or of what is only listed.
    """
    from nlp_transfer.commands.cache_contents import cached_files, clear_cache, describe_cache
    from nlp_transfer.files import cache_dir
    from nlp_transfer.models.activation_cache.store import format_bytes

    if not older_than_days >= 0:
        raise ConfigError(f"--older_than_days is {older_than_days}; expected 0 or more.")
    if action == "clear":
        gone = clear_cache(room, older_than_days)
        freed = format_bytes(sum(file.size_bytes for file in gone))
        print(f"Deleted {len(gone)} {'file' if len(gone) == 1 else 'files'}, {freed}, from {cache_dir()}.")
        return
    if older_than_days:
        raise ConfigError("--older_than_days says what to clear; list shows all ages.")
    print(describe_cache(cached_files(room)))
