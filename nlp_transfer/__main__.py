"""Run the console command: `python -m nlp_transfer VERB …`, installed as `nlp-transfer`."""

import sys

from nlp_transfer.commands import main

if __name__ == "__main__":
    sys.exit(main())
