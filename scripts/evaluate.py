"""The command `nlp-transfer evaluate`; --help shows it."""

import sys

from nlp_transfer.commands import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
