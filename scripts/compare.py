"""The command `nlp-transfer compare`; --help shows it."""

import sys

from nlp_transfer.commands import main

if __name__ == "__main__":
    sys.exit(main(["compare", *sys.argv[1:]]))
