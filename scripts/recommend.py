"""The command `nlp-transfer recommend`; --help shows it."""

import sys

from nlp_transfer.commands import main

if __name__ == "__main__":
    sys.exit(main(["recommend", *sys.argv[1:]]))
