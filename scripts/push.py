"""Put a finished run's model, or a merged one, on the Hub, private unless you say otherwise, with a card made of it.

python scripts/push.py runs/clauses me/clauses --dry_run                each file with its size and why it goes
python scripts/push.py runs/clauses me/clauses --license mit --language en
python scripts/push.py runs/clauses me/clauses-lora --what adapter
python scripts/push.py runs/clauses me/clauses --write_card card.md     and then, edited, --card card.md
python scripts/push.py runs/soup me/soup --run runs/seed0 runs/seed1    of scripts/merge.py, and the runs that it is of

Weights, configuration, tokenizer, card and scores go, nothing else. Before anything is sent, all of it is scanned for
secrets, personal data, paths, and 8 words in a row that stand in the run's texts; what is found stops the push and is
shown. Interrupted, the same command goes on: files that arrived whole are not sent again. Log in before by `hf auth
login`.
"""

import sys

from nlp_transfer.commands.push import push

if __name__ == "__main__":
    sys.exit(push(description=__doc__))
