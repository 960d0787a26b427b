"""The command `nlp-transfer diagnose`; --help shows it."""

import sys

from nlp_transfer.commands import main

if __name__ == "__main__":
    sys.exit(main(["diagnose", *sys.argv[1:]]))
