"""The command `nlp-transfer push`; --help shows it."""

import sys

from nlp_transfer.commands import main

if __name__ == "__main__":
    sys.exit(main(["push", *sys.argv[1:]]))
