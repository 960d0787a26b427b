"""Exported models say what PyTorch says, for every family that can be; what would not is refused, and leaves nothing."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from nlp_transfer import CorpusConfig, run
from nlp_transfer.commands import export_checks, main
from nlp_transfer.commands.evaluate import evaluate_model
from nlp_transfer.commands.export import describe, export_model
from nlp_transfer.commands.export_checks import SENTENCES, ExportCheck, check_texts, compare
from nlp_transfer.commands.predict import predict_file
from nlp_transfer.config.command_ending import BAD_INPUT
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, ConfigError, DataError
from nlp_transfer.models.files.manifest import MANIFEST, write_manifest
from nlp_transfer.models.onnx import export as onnx_export
from nlp_transfer.models.onnx.export import OPSET
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.backends import Compute
from tests.logged import logged
from tests.tiny_classifiers import LABELS, MAX_LENGTH, random_texts, save_classifier
from tests.tiny_documents import documents, summary_tree, write_documents
from tests.tiny_models import FAMILIES, MORE_FAMILIES
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus

THRESHOLDS = dict(zip(LABELS, (0.2, 0.5, 0.9), strict=True))


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 40 texts, some longer than the models read."""
    path = tmp_path_factory.mktemp("texts") / "texts.txt"
    path.write_text("\n".join(random_texts(40, seed=8)) + "\n")
    return path


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, texts: Path) -> Path:
    """A run's folder with a multi-label model and both exports of it. Do not write to it."""
    folder = tmp_path_factory.mktemp("run")
    save_classifier(folder / "model", multi_label=True, thresholds=THRESHOLDS)
    export_model(str(folder), precision="both", check=str(texts), agreement=0.8)
    return folder


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    """The same, to damage."""
    return Path(shutil.copytree(exported, tmp_path / "run"))


def refusal(error: type[Exception], *arguments: object, **options: object) -> str:
    with pytest.raises(error) as caught:
        export_model(*arguments, **options)  # type: ignore[arg-type]
    return str(caught.value)


# ---- what is written ----


def test_the_folder_has_all_that_predicting_needs(exported: Path) -> None:
    folder = exported / "onnx"
    assert {"model.onnx", "model_int8.onnx", "config.json", "tokenizer.json", MANIFEST} <= {
        path.name for path in folder.iterdir()
    }
    tree = json.loads((folder / "config.json").read_text())
    assert list(tree["id2label"].values()) == LABELS
    record = tree["nlp_transfer"]
    assert (record["max_length"], record["thresholds"]) == (MAX_LENGTH, THRESHOLDS)
    assert record["export"]["opset"] == OPSET
    assert [(one["precision"], one["texts"]) for one in record["export"]["checks"]] == [("float32", 41), ("int8", 41)]
    graph = onnx.load(folder / "model.onnx")
    assert [one.name for one in graph.graph.input] == ["input_ids", "attention_mask"]
    assert {one.domain: one.version for one in graph.opset_import}[""] == OPSET
    for one in graph.graph.input:
        assert all(axis.dim_param for axis in one.type.tensor_type.shape.dim)  # no fixed sizes
    loaded = saved_models.load(exported, backend="onnx")
    assert (loaded.label_names, loaded.multi_label, loaded.max_length) == (LABELS, True, MAX_LENGTH)
    assert loaded.decision.thresholds.tolist() == [0.2, 0.5, 0.9]


def test_the_lines_are_those_of_pytorch(exported: Path, texts: Path, tmp_path: Path) -> None:
    expected, found = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    assert predict_file(str(exported), str(texts), output=str(expected), compute=Compute(device="cpu")) == 40
    for name in (exported, exported / "onnx"):
        found.unlink(missing_ok=True)
        assert (
            predict_file(str(name), str(texts), output=str(found), compute=Compute(backend="onnx", max_tokens=64)) == 40
        )
        for line, other in zip(expected.read_text().splitlines(), found.read_text().splitlines(), strict=True):
            a, b = json.loads(line), json.loads(other)
            assert (a["id"], a["predicted"]) == (b["id"], b["predicted"])
            assert a["probabilities"] == pytest.approx(b["probabilities"], abs=1e-5)


def test_int8_is_near_and_smaller(exported: Path, texts: Path) -> None:
    rows = texts.read_text().splitlines()
    exact = saved_models.load(exported).text_logits(rows)
    found = saved_models.load(exported, backend="onnx", precision="int8").text_logits(rows)
    assert 1e-3 < np.abs(found - exact).max() < 0.2 * np.abs(exact).max()
    sizes = [(exported / "onnx" / name).stat().st_size for name in ("model_int8.onnx", "model.onnx")]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("name", ["model.onnx", "model_int8.onnx"])
def test_a_graph_holds_no_place_on_this_machine(exported: Path, name: str) -> None:
    graph = (exported / "onnx" / name).read_bytes()
    package = Path(onnx_export.__file__).parents[1]
    for place in (str(package), package.name, str(Path(torch.__file__).parent), "site-packages", "stack_trace"):
        assert place.encode() not in graph


def test_a_corpus_is_scored_with_it(exported: Path, tmp_path: Path) -> None:
    lines = [{"text": text, "labels": LABELS[i % 3 :]} for i, text in enumerate(random_texts(9))]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    corpus = CorpusConfig(path=str(tmp_path / "a.jsonl"), label_names=LABELS)
    torch_scores = evaluate_model(str(exported), corpus, compute=Compute(device="cpu")).metrics
    scores = dict(evaluate_model(str(exported), corpus, compute=Compute(backend="onnx")).metrics)
    of_probabilities = [name for name in scores if name.split("_")[0] in ("ece", "brier", "nll", "aurc")]
    assert len(of_probabilities) == 12
    for name in of_probabilities:  # exact to float32
        assert scores.pop(name) == pytest.approx(torch_scores.pop(name), rel=1e-4)
    assert scores == torch_scores


@pytest.mark.slow
@pytest.mark.parametrize("model_type", [*FAMILIES, *MORE_FAMILIES])
def test_every_family_but_longformer(model_type: str, tmp_path: Path, texts: Path) -> None:
    save_classifier(tmp_path / "model", model_type=model_type)
    if model_type == "longformer":
        message = refusal(ConfigError, str(tmp_path))
        assert message.startswith("Longformer cannot be exported: which code its attention runs depends on the tokens")
        return
    done = export_model(str(tmp_path), check=str(texts), precision="both", agreement=0.5)
    assert [one.agreement for one in done.checks][:1] == [1.0]
    alone = [saved_models.load(tmp_path, backend="onnx").text_logits([text])[0] for text in random_texts(5)]
    expected = saved_models.load(tmp_path).text_logits(random_texts(5))
    np.testing.assert_allclose(alone, expected, atol=1e-4)


@pytest.fixture(scope="module")
def summarizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that summarises, exported."""
    folder = tmp_path_factory.mktemp("summaries")
    tree = summary_tree(tiny_encoder(folder / "encoder"), write_documents(folder / "corpus"), folder / "run")
    run(load_config(tree=tree))
    export_model(str(folder / "run"))
    return folder / "run"


def test_a_summariser_takes_the_same_sentences(summarizer: Path, tmp_path: Path) -> None:
    sentences = [text.split("\n") for text in (" word.\n".join(["the work"] * n) for n in (1, 3, 40))]
    one, other = saved_models.load(summarizer), saved_models.load(summarizer, backend="onnx")
    expected, found = one.sentence_logits(sentences), other.sentence_logits(sentences)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(json.dumps({"document": row["document"]}) for row in documents(5, seed=3)))
    lines = []
    for backend in ("pytorch", "onnx"):
        predict_file(str(summarizer), str(file), output=str(tmp_path / backend), compute=Compute(backend=backend))
        lines.append([json.loads(line)["summary"] for line in (tmp_path / backend).read_text().splitlines()])
    assert lines[0] == lines[1]


def test_the_kinds_are_not_mixed_up(summarizer: Path) -> None:
    assert saved_models.load(summarizer, backend="onnx").task == "extractive_summarization"


# ---- what is compared ----


def test_the_run_s_held_out_texts_are_compared(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    tree = run_tree(tiny_encoder(tmp_path / "encoder"), corpus, tmp_path / "run", num_train_epochs=1)
    run(load_config(tree=tree))
    with logged() as said:
        done = export_model(str(tmp_path / "run"))
    assert said[0] == "Compared with PyTorch on 24 rows of the run's test split and one of the greatest length."
    assert done.checks[0].texts == 25
    assert said[1] == done.checks[0].line()
    shutil.rmtree(corpus)
    loaded = saved_models.load(tmp_path / "run")
    found, what = check_texts(loaded, str(tmp_path / "run"))
    assert what.startswith("texts that come with this package, because the run's cannot be read (source.path: there is")
    assert found[:-1] == [" ".join(SENTENCES[:count]) for count in range(1, 7)] + list(SENTENCES)
    # The last one is as long as the model reads.
    assert len(loaded.tokenizer(found[-1], truncation=True, max_length=loaded.max_length)["input_ids"]) == 32


def test_texts_of_the_hub_are_not_fetched_again(tiny_classifier: Path, tmp_path: Path) -> None:
    tree = run_tree(tiny_classifier, tmp_path, tmp_path / "out")
    (tmp_path / "config.yaml").write_text(json.dumps({**tree, "source": {"hub": "someone/something"}}))
    _, what = check_texts(saved_models.load(tiny_classifier), str(tmp_path))
    assert what == "texts that come with this package, because the run's are on the Hub and one of the greatest length"


def test_a_difference_by_hand(tiny_classifier: Path) -> None:
    loaded = saved_models.load(tiny_classifier)
    expected = [np.array([1.0, 2.0, -4.0]), np.array([0.0, 0.5, 0.25])]
    found = [np.array([1.0, 2.5, -4.0]), np.array([0.0, 0.2, 0.25])]
    assert compare(loaded, ["a", "b"], expected, found) == (0.5, 4.0, 0.5)  # the second changes its class


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (ExportCheck("float32", 10, 1e-4, 0.5, 1.0, 1), None),
        (ExportCheck("float32", 10, 9e-4, 10.0, 1.0, 1), None),
        (
            ExportCheck("float32", 10, 2e-4, 0.5, 1.0, 1),
            "float32: logits differ by up to 0.0002 (0.0001 is allowed), and 100.00% of 10 rows keep their predictions (all "
            "must).",
        ),
        (
            ExportCheck("float32", 10, 0.0, 0.5, 0.9, 1),
            "float32: logits differ by up to 0 (0.0001 is allowed), and 90.00%",
        ),
        (ExportCheck("int8", 100, 5.0, 0.5, 0.97, 1), None),
        (
            ExportCheck("int8", 100, 0.0, 0.5, 0.96, 1),
            "int8: 96.00% of 100 rows keep their predictions, and 97.00% must.",
        ),
    ],
)
def test_what_is_refused(check: ExportCheck, problem: str | None) -> None:
    found = check.problem(0.97)
    assert found is None if problem is None else str(found).startswith(problem)


def test_what_differs_is_refused_and_leaves_nothing(
    tiny_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_classifier, tmp_path / "run" / "model")
    monkeypatch.setattr(export_checks, "TOLERANCE", -1.0)
    message = refusal(CheckpointError, str(tmp_path / "run"))
    assert message.startswith("Nothing was exported. float32: logits differ by up to ")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["model"]


def test_of_both_float32_stays_where_int8_is_refused(
    tiny_classifier: Path,
    texts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = iter([(0.0, 1.0, 1.0), (0.5, 1.0, 0.5)])
    monkeypatch.setattr(export_checks, "compare", lambda *_: next(results))
    words = ["export", str(tiny_classifier), "--output", str(tmp_path / "out"), "--check", str(texts)]
    assert main([*words, "--precision", "both"]) == BAD_INPUT
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-1] == f"Exported to {tmp_path / 'out'}."
    assert re.match(r"CheckpointError: Only float32 was exported\. int8: 50\.00% of \d+ rows keep their p", shown.err)
    assert not [path.name for path in (tmp_path / "out").iterdir() if "int8" in path.name]
    loaded = saved_models.load(tmp_path / "out", backend="onnx")
    assert len(loaded.text_logits(random_texts(3))) == 3


# ---- where it goes ----


def test_an_earlier_export_is_replaced_and_nothing_else(copy: Path) -> None:
    place = copy / "onnx"
    before = sorted(path.name for path in place.iterdir())
    export_model(str(copy), precision="float32")
    assert sorted(path.name for path in place.iterdir()) == [name for name in before if "int8" not in name]
    (place / "notes.txt").write_text("mine")
    message = refusal(CheckpointError, str(copy))
    assert message == (
        f"--output {place} is not empty, and holds notes.txt next to an earlier export. Nothing in it is touched; name a "
        "new folder."
    )
    (place / "notes.txt").unlink()
    (place / "tokenizer_config.json").write_text("{}")
    assert "and its files are not those that an earlier export wrote" in refusal(CheckpointError, str(copy))
    assert f"--output {copy} is not empty, and holds no earlier export" in refusal(
        CheckpointError, str(copy), str(copy)
    )
    assert sorted(path.name for path in copy.iterdir()) == ["model", "onnx"]


def test_a_model_folder_needs_an_output(tiny_classifier: Path, tmp_path: Path) -> None:
    assert refusal(ConfigError, str(tiny_classifier)) == (
        f"{tiny_classifier} is no run's folder, inside which the exported model would go: name --output."
    )
    (tmp_path / "file").touch()
    assert refusal(CheckpointError, str(tiny_classifier), str(tmp_path / "file")).endswith(
        "is a file; name a new folder."
    )


def test_options_out_of_range(tiny_classifier: Path, tmp_path: Path) -> None:
    assert refusal(ConfigError, "x", precision="int4").startswith("--precision: Unknown precision 'int4'. Did you mean")
    assert refusal(ConfigError, "x", agreement=98) == "--agreement is 98; expected a share from 0 to 1."
    (tmp_path / "empty.txt").touch()
    message = refusal(DataError, str(tiny_classifier), str(tmp_path / "out"), check=str(tmp_path / "empty.txt"))
    assert message == f"--check {tmp_path / 'empty.txt'} holds no texts; expected some to compare on."
    assert not (tmp_path / "out").exists()


def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlp_transfer.models.onnx.runtime.find_spec", lambda name: None if "o" in name[:1] else 1)
    assert refusal(ConfigError, "x") == (
        "ONNX needs onnx, onnxruntime, onnxscript, which are not installed: pip install 'nlp_transfer[export]'"
    )


# ---- what is loaded ----


def test_options_that_do_not_go_together(exported: Path, tiny_classifier: Path, texts: Path) -> None:
    for options, message in (
        ({"backend": "onxx"}, "--backend: Unknown backend 'onxx'. Did you mean 'onnx'? Backends: pytorch, onnx."),
        ({"precision": "int8"}, "--precision is that of an exported model: add --backend onnx, or leave it out."),
        (
            {"backend": "onnx", "precision": "int4"},
            "--precision: Unknown precision 'int4'. Did you mean 'int8'? Precisions: float32, int8.",
        ),
    ):
        with pytest.raises(ConfigError) as caught:
            predict_file(str(exported), str(texts), compute=Compute(**options))  # type: ignore[arg-type]
        assert str(caught.value) == message
    with pytest.raises(CheckpointError) as missing:
        predict_file(str(tiny_classifier), str(texts), compute=Compute(backend="onnx"))
    assert str(missing.value) == (
        f"{tiny_classifier} holds no exported model: there is neither model.onnx nor model_int8.onnx, nor a folder onnx "
        f"with one. Export it: python scripts/export.py {tiny_classifier}"
    )
    with pytest.raises(CheckpointError, match="holds a model exported to ONNX, without PyTorch's weights"):
        saved_models.load(exported / "onnx")


def test_a_precision_that_is_not_there(copy: Path) -> None:
    export_model(str(copy), precision="int8", agreement=0.5)
    assert saved_models.load(copy, backend="onnx").origin == str(copy / "onnx")
    with pytest.raises(
        CheckpointError, match=r"has no model\.onnx; it holds model_int8\.onnx\. Choose --precision int8"
    ):
        saved_models.load(copy, backend="onnx", precision="float32")


def test_torn_files(copy: Path) -> None:
    graph = copy / "onnx" / "model.onnx"
    content = graph.read_bytes()
    graph.write_bytes(content[:-100])
    with pytest.raises(CheckpointError, match=r"model\.onnx has .* bytes, but manifest\.json says"):
        saved_models.load(copy, backend="onnx")
    write_manifest(copy / "onnx")  # as if it had been written so
    with pytest.raises(CheckpointError, match=r"model\.onnx cannot be loaded by ONNX Runtime \("):
        saved_models.load(copy, backend="onnx")


def test_tensors_outside_the_folder_are_not_opened(copy: Path) -> None:
    graph = copy / "onnx" / "model.onnx"
    model = onnx.load(graph)
    onnx.save_model(model, graph, save_as_external_data=True, location="elsewhere.bin", size_threshold=0)
    write_manifest(copy / "onnx")
    with pytest.raises(CheckpointError, match=r"lies in 'elsewhere\.bin'; expected 'model\.onnx\.data' next to it"):
        saved_models.load(copy, backend="onnx")


def test_a_graph_of_another_kind(copy: Path) -> None:
    graph = copy / "onnx" / "model.onnx"
    model = onnx.load(graph)
    model.graph.output[0].name = "scores"
    onnx.save(model, graph)
    write_manifest(copy / "onnx")
    with pytest.raises(CheckpointError, match=r"has no output 'logits'; it has scores\. Expected a graph that"):
        saved_models.load(copy, backend="onnx")


def test_a_graph_of_another_number_of_classes(copy: Path) -> None:
    folder = copy / "onnx"
    config = json.loads((folder / "config.json").read_text())
    labels = dict(list(config["id2label"].items())[:2])
    config.update(id2label=labels, label2id={name: int(number) for number, name in labels.items()})
    config["nlp_transfer"]["thresholds"] = {}
    (folder / "config.json").write_text(json.dumps(config))
    write_manifest(folder)
    with pytest.raises(CheckpointError) as caught:
        saved_models.load(copy, backend="onnx")
    assert f"{folder / 'model.onnx'} gives logits of the shape " in str(caught.value)
    assert "and config.json names 2 labels (id2label); expected (rows, 2)." in str(caught.value)


def test_large_weights_stand_beside_the_graph(
    tiny_classifier: Path, tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "LARGEST_FILE_BYTES", 1000)
    export_model(str(tiny_classifier), str(tmp_path / "out"), precision="both", check=str(texts), agreement=0.5)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"model.onnx", "model.onnx.data", "model_int8.onnx", "model_int8.onnx.data"} <= names
    rows = random_texts(4)
    expected = saved_models.load(tiny_classifier).text_logits(rows)
    np.testing.assert_allclose(
        saved_models.load(tmp_path / "out", backend="onnx").text_logits(rows), expected, atol=1e-4
    )


def test_the_network_is_left_as_it_was(tiny_classifier: Path, tmp_path: Path) -> None:
    loaded = saved_models.load(tiny_classifier)
    before = (loaded.model.config._attn_implementation, loaded.tokenizer.model_max_length)
    describe(replace(loaded, max_length=9), tmp_path, {})
    onnx_export.write_graph(loaded.model, loaded.example_batch(SENTENCES), tmp_path / "a.onnx")
    assert (loaded.model.config._attn_implementation, loaded.tokenizer.model_max_length) == before
