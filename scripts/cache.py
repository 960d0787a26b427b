"""List or clear what is kept on disk so that it is computed once: read corpora, tokens, and a frozen encoder's outputs.

python scripts/cache.py list                                        where it lies, sizes, and ages since the last use
python scripts/cache.py clear                                       delete all of it
python scripts/cache.py clear --room activations --older_than_days 7

All of it is derived from your texts: delete it with them. NLP_TRANSFER_CACHE says where it lies. Runs that are going on
keep what they have opened.
"""

import sys

from nlp_transfer.commands.cache import cache

if __name__ == "__main__":
    sys.exit(cache(description=__doc__))
