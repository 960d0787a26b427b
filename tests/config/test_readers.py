"""Sections of an experiment from Python objects: what a user of transformers would write, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset, DatasetDict
from transformers import TrainingArguments

from nlp_transfer import CorpusConfig, Experiment, SplitConfig, TransferArguments, corpus_from, load_config, run
from nlp_transfer.config.experiment import candidate_configs
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import CORAL, LoRA
from nlp_transfer.reporting.config_record import to_yaml
from nlp_transfer.tasks import SequenceClassification
from tests.tiny_runs import rows

FRAME = pd.DataFrame(rows(12))


def made(**changes: Any) -> Experiment:
    training = TransferArguments("runs/x", report_to="none", use_cpu=True)
    return Experiment(**({"model": "ada/encoder", "source": FRAME, "training": training} | changes))


def problems(**changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        made(**changes)
    return caught.value.problems


def test_sources_by_path_and_by_rows(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("text,label\n")
    for source in (str(file), file, {"path": str(file)}, CorpusConfig(path=str(file))):
        assert made(source=source).source == CorpusConfig(path=str(file))
    splits = {"train": FRAME, "test": Dataset.from_pandas(FRAME)}
    for source in (FRAME, splits["test"], splits, DatasetDict(train=splits["test"]), {"data": FRAME}):
        corpus = made(source=source).source
        assert corpus.data is (FRAME if isinstance(source, dict) and "data" in source else source)
    corpus = corpus_from({"train": FRAME})
    assert made(source=corpus).source.data == corpus.splits
    several = made(source=[FRAME, str(file)], target=FRAME)
    assert [one.place for one in several.sources] == ["DataFrame", str(file)]
    assert several.target.data is FRAME


def test_tasks_and_methods_by_name_class_and_object() -> None:
    for methods in ("lora", ["lora"], ("lora",), LoRA, [LoRA], LoRA(), [{"name": "lora"}]):
        assert made(methods=methods).methods == (LoRA(),)
    assert made(methods=[LoRA(r=4), "coral"], target=FRAME).methods == (LoRA(r=4), CORAL())
    for task in ("sequence_classification", SequenceClassification, SequenceClassification(), {}):
        assert made(task=task).task == SequenceClassification()
    assert made(model=Path("ada/encoder"), baselines=("majority",)).baselines == ("majority",)
    assert made(training={"output_dir": "runs/y", "seed": 7}).training.seed == 7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"source": FRAME["text"]},
            "source is a Series; expected a path, a pandas DataFrame, a datasets.Dataset, a dict",
        ),
        ({"source": [FRAME, FRAME]}, "source.0 and source.1 are the same corpus. Name it once;"),
        ({"source": {"colums": {}}}, "source: Unknown key 'colums'. Did you mean 'columns'?"),
        ({"source": CorpusConfig(path="x", data=FRAME)}, "source names path and data; give exactly one of"),
        ({"methods": ["lroa"]}, "methods.0: Unknown method 'lroa'. Did you mean 'lora'?"),
        (
            {"methods": "lora,coral"},
            "methods is 'lora,coral'; several are a list: --methods '[lora,coral]', or methods: [lora,coral].",
        ),
        ({"methods": [3]}, "methods.0 is 3; expected a name, or {name: …} with its settings."),
        ({"task": {"max_lenght": 3}}, "task: Unknown key 'max_lenght'. Did you mean 'max_length'?"),
        ({"training": "runs/x"}, "training is 'runs/x'; expected keys such as output_dir"),
        (
            {"training": TrainingArguments("runs/x", report_to="none", use_cpu=True)},
            "training is a TrainingArguments of transformers; expected a nlp_transfer.TransferArguments, which takes the",
        ),
        ({"model": None}, "model is null; expected str."),
        ({"baselines": "majority"}, "baselines is 'majority'; expected list of str or null."),
        ({"prior_correction": "maybe"}, "prior_correction is 'maybe'; expected bool."),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(changes: dict[str, Any], message: str) -> None:
    assert problems(**changes)[0].startswith(message)


def test_all_problems_of_objects_are_reported_together() -> None:
    found = problems(source=3, methods="lroa", task={"max_length": "long"})
    assert [text.split()[0] for text in found] == ["source", "task.max_length", "methods.0:"]


def test_corpora_by_import_are_checked_as_in_yaml(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,label\n")
    with pytest.raises(ConfigError, match=r"^CorpusConfig: Unknown argument 'column'\. Did you mean 'columns'\?"):
        CorpusConfig(path="x.csv", column={})  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"^SplitConfig\.test is '0\.2'; expected float\.$"):
        SplitConfig(test="0.2")  # type: ignore[arg-type]
    config = made(source=CorpusConfig(path=tmp_path / "x.csv"), methods=LoRA(r=np.int64(4)))  # type: ignore[arg-type]
    (tmp_path / "config.yaml").write_text(to_yaml(config.record()))
    read = load_config(tmp_path / "config.yaml")
    assert (read.source.path, read.methods[0].r) == (str(tmp_path / "x.csv"), 4)


def test_rows_in_memory_are_recorded_by_their_digest_and_not_read_back(tmp_path: Path) -> None:
    record = made().record()["source"]["data"]
    assert record.startswith("pandas DataFrame of 12 rows, SHA-256 ")
    assert made(source=FRAME.copy()).record()["source"]["data"] == record
    changed = FRAME.assign(label=["public", *FRAME["label"][1:]])
    assert made(source=changed).record()["source"]["data"] != record
    assert made(source=FRAME.assign(page=3)).record()["source"]["data"] == record  # a column that is not read
    (tmp_path / "config.yaml").write_text(to_yaml(made().record()))
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "config.yaml")
    assert str(caught.value) == (
        f"source.data stands for rows that were in the memory of Python ({record}), which no file holds. In Python give "
        "them again (source=rows); else write them to a file and name it: source.path."
    )


def test_a_search_keeps_the_rows() -> None:
    training = TransferArguments(
        "runs/x",
        report_to="none",
        use_cpu=True,
        metric_for_best_model="macro_f1",
        load_best_model_at_end=True,
        eval_strategy="epoch",
        save_strategy="epoch",
    )
    searched = candidate_configs(made(training=training, search={"training.learning_rate": [1e-4, 1e-3]}))
    assert [config.source.data is FRAME for _, config in searched] == [True, True]
    assert [config.training.learning_rate for _, config in searched] == [1e-4, 1e-3]


def test_run_takes_an_experiment() -> None:
    with pytest.raises(ConfigError, match=r"^run was given 'my\.yaml'; expected an Experiment: run\(load_config"):
        run("my.yaml")  # type: ignore[arg-type]
