"""Export a trained model to ONNX, checked against PyTorch on real texts before it is believed.

python scripts/export.py runs/quickstart                                     runs/quickstart/onnx, float32
python scripts/export.py runs/quickstart --precision both --check clauses.csv --text_column clause
python scripts/export.py runs/quickstart/model --output exported --precision int8 --agreement 0.97
python scripts/predict.py runs/quickstart clauses.csv --backend onnx --precision int8

Prints how far the logits of texts differ, and the share of texts that keep their labels. Float32 must keep all labels,
with logits within 0.0001 of the largest; int8 must keep those of 98 % of the texts. Else nothing is written. Needs
pip install 'nlp_transfer[export]'. The folder holds model.onnx or model_int8.onnx, label names, thresholds, tokenizer.
"""

import sys

from nlp_transfer.commands.export import export

if __name__ == "__main__":
    sys.exit(export(description=__doc__))
