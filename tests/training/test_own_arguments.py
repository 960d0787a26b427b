"""The training arguments of this package are known without transformers, and are those of TransferArguments."""

import dataclasses
import subprocess
import sys

from nlp_transfer import TransferArguments
from nlp_transfer.config.field_docs import field_docs
from nlp_transfer.training.own_arguments import OwnArguments


def test_they_are_known_without_torch_and_transformers() -> None:
    code = "import sys, nlp_transfer.training.own_arguments; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_each_has_a_help_and_the_default_of_transfer_arguments() -> None:
    theirs = {field.name: field.default for field in dataclasses.fields(TransferArguments)}
    docs = field_docs(OwnArguments)
    for field in dataclasses.fields(OwnArguments):
        assert theirs[field.name] == field.default
        assert len(docs[field.name]) > 20, field.name
