"""Predict texts with a saved model: JSON Lines out, one line a text, in the order of the input.

python scripts/predict.py runs/quickstart texts.jsonl.gz --output predicted.jsonl.gz
python scripts/predict.py runs/quickstart clauses.csv --text_column clause --top_k 3
python scripts/predict.py runs/aclsum papers/ --output summaries.jsonl
echo "Permission is granted to copy this text." | python scripts/predict.py runs/quickstart

    {"id": 0, "predicted": "Permissive", "probabilities": {"Copyleft": 0.017689, "Permissive": 0.982311}}

and of a model that summarises

    {"id": "a.txt", "summary": "…", "sentences": [{"text": "…", "start": 0, "end": 71, "score": 0.83}, …], "flags": []}

with offsets in the document, where it takes sentences; of one that writes, with offsets in the summary, the sentences
of the document that support each, and what the document does not have

    {"id": "a.txt", "summary": "…", "sentences": [{"text": "…", "start": 0, "end": 21, "support": 0.6,
     "sources": [{"start": 1204, "end": 1377}]}], "flags": [{"kind": "money", "text": "$900", "start": 16, "end": 20}]}

The id is the column id, else the row's number from 0; of a folder, the file's path in it. Memory does not grow with the
input: up to 2,000 rows are read, predicted in batches of similar length, and written; then come the next. A bad row
is named with its file, line and id: once those before it are written, or, with --output FILE, before any is predicted.
FILE appears only when all rows are.
"""

import sys

from nlp_transfer.commands.predict import predict

if __name__ == "__main__":
    sys.exit(predict(description=__doc__))
