"""The command `nlp-transfer cache`; --help shows it."""

import sys

from nlp_transfer.commands import main

if __name__ == "__main__":
    sys.exit(main(["cache", *sys.argv[1:]]))
