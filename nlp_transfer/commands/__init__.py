"""Hold the commands: one verb a file, a typed function that the command line, scripts and Python call."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version

from nlp_transfer import __version__
from nlp_transfer.config.command_ending import quiet_exit

COMMANDS = {
    "diagnose": "nlp_transfer.commands.diagnose",
    "recommend": "nlp_transfer.commands.recommend",
    "train": "nlp_transfer.commands.train",
    "evaluate": "nlp_transfer.commands.evaluate",
    "predict": "nlp_transfer.commands.predict",
    "export": "nlp_transfer.commands.export",
    "merge": "nlp_transfer.commands.merge",
    "compare": "nlp_transfer.commands.compare",
    "push": "nlp_transfer.commands.push",
    "sweep": "nlp_transfer.commands.sweep",
    "cache": "nlp_transfer.commands.cache",
}
"""The verbs, and the module that holds a function of each one's name."""


def main(words: Sequence[str] | None = None) -> int:
    """Run a command line, and return its exit status.

    Example:
        >>> main(["predict", "--no_such_option", "1", "model"])
        2
    """
    with quiet_exit() as status:
        from nlp_transfer.config.command_line import call_command
        from nlp_transfer.errors import ConfigError, did_you_mean

        verb, *rest = (sys.argv[1:] if words is None else words) or ["--help"]
        if verb in ("-h", "--help") and rest:  # of a section, such as lora
            status.code = call_command(command_function("train"), ["--help", *rest])
        elif verb in ("-h", "--help"):
            print("usage: nlp-transfer COMMAND …, or --version\n")
            print("commands (COMMAND --help shows one, --help lora a method):")
            for name in COMMANDS:
                print(f"  {name:9} {(command_function(name).__doc__ or '').splitlines()[0]}")
        elif verb == "--version":
            print(f"nlp-transfer {__version__} (transformers {version('transformers')}, torch {version('torch')})")
        elif verb not in COMMANDS:
            raise ConfigError(did_you_mean("command", verb, COMMANDS))
        else:
            status.code = call_command(command_function(verb), rest)
    return status.code


def command_function(verb: str) -> Callable[..., int | None]:
    """Return the function of a verb.

    Example:
        >>> command_function("cache").__name__
        'cache'
    """
    function: Callable[..., int | None] = getattr(import_module(COMMANDS[verb]), verb)
    return function
