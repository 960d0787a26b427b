"""The command `nlp-transfer train`; --help shows it."""

import sys

from nlp_transfer.commands import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
