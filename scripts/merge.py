"""Merge weights of finished runs into one model: of a pretrained and its fine-tuned encoder, or of several runs.

python scripts/merge.py wise_ft runs/books_to_kitchen      the curve, and runs/books_to_kitchen/wise_ft
python scripts/merge.py wise_ft runs/books_to_kitchen --choose_by target_infomax --output runs/wise
python scripts/merge.py soup runs/seed0 runs/seed1 runs/seed2 --output runs/soup
python scripts/merge.py soup runs/seed0 runs/seed1 runs/seed2 --output runs/soup --greedy

WiSE-FT (arXiv:2109.01903) scores the weights between the pretrained encoder (alpha 0) and the fine-tuned one (1) on
source and target; soups (arXiv:2203.05482) are means of runs of one base model, corpus and task, whose seeds and
settings may differ. What is written is chosen by source validation, or without labels; target labels are for the table
only. The result is a folder that scripts/predict.py, evaluate.py, export.py and push.py read.
"""

import sys

from nlp_transfer.commands.merge import merge

if __name__ == "__main__":
    sys.exit(merge(description=__doc__))
