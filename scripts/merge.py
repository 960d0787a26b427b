"""The command `nlp-transfer merge`; --help shows it."""

import sys

from nlp_transfer.commands import main

if __name__ == "__main__":
    sys.exit(main(["merge", *sys.argv[1:]]))
