"""The command `nlp-transfer export`; --help shows it."""

import sys

from nlp_transfer.commands import main

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
