"""Score a saved model on a corpus whose labels are the model's, or on documents with summaries.

python scripts/evaluate.py runs/quickstart --corpus.builtin licenses --corpus.split.method near_duplicate
python scripts/evaluate.py runs/books --corpus.path data/kitchen --corpus.columns.stars label --split validation
python scripts/evaluate.py runs/ledgar --corpus.hub coastalcph/lex_glue --corpus.name ledgar --output_dir scores/ledgar
python scripts/evaluate.py runs/aclsum --corpus.path data/contracts

Prints the tables that a run closes with. With --output_dir it writes metrics.json, predictions.jsonl.gz and report.md.
"""

import sys

from nlp_transfer.commands.evaluate import evaluate

if __name__ == "__main__":
    sys.exit(evaluate(description=__doc__))
