"""The command `nlp-transfer predict`; --help shows it."""

import sys

from nlp_transfer.commands import main

if __name__ == "__main__":
    sys.exit(main(["predict", *sys.argv[1:]]))
