"""Every example (`>>>`) in a docstring runs and gives what it shows; every name for users has one."""

import doctest
import importlib
import inspect
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from datasets import Dataset
from transformers import AutoTokenizer

import nlp_transfer
from nlp_transfer.methods import METHODS
from nlp_transfer.methods.alignment import AlignmentMethod
from nlp_transfer.reporting.config_record import to_yaml
from nlp_transfer.tasks import TASKS
from tests.tiny_documents import write_documents
from tests.tiny_entities import write_entities
from tests.tiny_images import write_pages
from tests.tiny_models import tiny_model
from tests.tiny_numbers import write_number_pairs, write_numbers
from tests.tiny_pairs import write_claims
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus
from tests.tiny_writers import pad_pairs, pairs, tiny_writer

PACKAGE = Path(nlp_transfer.__file__).parent
MODULES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with an encoder, two corpora, a configuration and a finished run, as examples name them."""
    folder = tmp_path_factory.mktemp("project")
    write_documents(folder / "papers")
    write_entities(folder / "contracts")
    write_claims(folder / "claims")
    write_numbers(folder / "prices")
    write_number_pairs(folder / "ratings")
    write_pages(folder / "pages")
    tree = run_tree(tiny_encoder(folder / "encoder"), write_corpus(folder / "corpus"), folder / "runs" / "clauses")
    nlp_transfer.run(nlp_transfer.load_config(tree=tree))
    (folder / "run.yaml").write_text(to_yaml(tree))
    return folder


def names_of_examples(folder: Path) -> dict[str, Any]:
    """The names that examples use without defining them: a user's model, arguments and rows, and what they import."""
    encoded = Dataset.from_list([{"input_ids": [5 + i % 3] * 4, "labels": i % 3} for i in range(64)])
    training = {
        "num_train_epochs": 2,
        "learning_rate": 5e-3,
        "per_device_train_batch_size": 8,
        "save_strategy": "no",
        "report_to": "none",
    }
    arguments = nlp_transfer.TransferArguments(str(folder), use_cpu=True, disable_tqdm=True, **training)
    return {
        **{name: getattr(nlp_transfer, name) for name in nlp_transfer.__all__},
        **{method.__name__: method for method in METHODS.values()},
        **{"np": np, "Path": Path, "transformers": transformers},
        **{"model": tiny_model("bert"), "writer": tiny_writer("bart"), "arguments": arguments},
        **{"rows": encoded, "validation_rows": encoded, "labelled_target_rows": encoded},
        "target_rows": encoded.remove_columns("labels"),
        "pairs": pairs(16),
        "collate_pairs": pad_pairs,
        "tokenizer": AutoTokenizer.from_pretrained("encoder"),
        "make_trainer": partial(
            nlp_transfer.TransferTrainer,
            model_init=lambda: tiny_model("bert"),
            train_dataset=encoded,
            eval_dataset=encoded,
        ),
    }


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_show(name, project, tmp_path, monkeypatch):
    monkeypatch.chdir(project)
    for callback in ("PrinterCallback", "ProgressCallback"):
        monkeypatch.setattr(f"transformers.{callback}.on_log", lambda *args, **kwargs: None)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for number, example in enumerate(doctest.DocTestFinder().find(importlib.import_module(name))):
        if example.examples:
            example.globs = names_of_examples(tmp_path / str(number)) | example.globs
            runner.run(example, out=report.append)
    assert runner.tries
    assert not runner.failures, "".join(report)


def test_every_name_for_users_has_an_example():
    public = [getattr(nlp_transfer, name) for name in nlp_transfer.__all__]
    own = [method for method in METHODS.values() if not issubclass(method, AlignmentMethod)]
    kinds = [*public, *own, AlignmentMethod, *TASKS.values()]
    assert [kind.__name__ for kind in kinds if ">>> " not in (inspect.getdoc(kind) or "")] == []


@pytest.mark.parametrize("method", [one for one in METHODS.values() if issubclass(one, AlignmentMethod)])
def test_the_example_of_alignment_methods_holds_for_each(method, project, tmp_path, monkeypatch):
    monkeypatch.chdir(project)
    (example,) = (one for one in doctest.DocTestFinder().find(AlignmentMethod) if one.examples)
    names = names_of_examples(tmp_path)
    if method.needs.target_labels:
        names["target_rows"] = names["labelled_target_rows"]
    code = "".join(one.source for one in example.examples)
    if not method.needs.source:
        code = code.replace('"train_dataset": rows, ', "")
    assert "DANN()" in code and example.examples[-1].want == "16\n"
    exec(code.replace("DANN()", f"{method.__name__}()"), names)
    assert names["trainer"].state.global_step == 16
