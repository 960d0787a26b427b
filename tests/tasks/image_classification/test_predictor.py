"""Images are predicted from files, folders, tables and memory; what cannot be read has a reason."""

import json

import numpy as np
import pytest
from datasets import Dataset
from PIL import Image

import nlp_transfer
from nlp_transfer.commands.evaluate import evaluate_model
from nlp_transfer.commands.predict import predict_file
from nlp_transfer.data.encoding.images import encode_images
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.image_classification.task import ImageClassification
from tests.tiny_images import images, in_files, tiny_image_encoder, write_pages


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_pages(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def saved(corpus, tmp_path_factory):
    folder, encoder = tmp_path_factory.mktemp("run"), tiny_image_encoder(tmp_path_factory.mktemp("encoder"))
    task = ImageClassification().fit(nlp_transfer.load_corpus(nlp_transfer.CorpusConfig(str(corpus)), kind="images"))
    reference = ModelReference(str(encoder))
    model, processor = task.build_model(reference).model, task.load_tokenizer(reference)
    record = {"task": task.name, **task.settings()}
    saved_models.save(model, processor, folder / "model", record=record, cut_at=task.cut_at)
    return folder


def lines(folder, file, tmp_path, **options):
    output = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
    predict_file(str(folder), str(file), output=str(output), **options)
    return [json.loads(line) for line in output.read_text().splitlines()]


def test_a_folder_a_file_and_a_table(saved, corpus, tmp_path):
    found = lines(saved, corpus / "test", tmp_path)
    names = sorted(path.relative_to(corpus / "test").as_posix() for path in (corpus / "test").glob("*/*.png"))
    assert [row["id"] for row in found] == names
    (one,) = lines(saved, corpus / "test" / names[0], tmp_path)
    assert one["predicted"] == found[0]["predicted"]
    assert one["probabilities"] == pytest.approx(found[0]["probabilities"], abs=2e-6)
    table = corpus / "table.csv"
    table.write_text("page\n" + "".join(f"test/{name}\n" for name in names))
    by_table = lines(saved, table, tmp_path, text_column="page")
    assert [row["predicted"] for row in by_table] == [row["predicted"] for row in found]
    table.unlink()


def test_paths_images_and_datasets_in_memory(saved, tmp_path):
    predictor = nlp_transfer.load(saved)
    rows = images(3, seed=5)
    paths = [row["image"] for row in in_files(rows, tmp_path)]
    by_path = [one.probabilities for one in predictor.predict(paths)]
    opened = [Image.open(path) for path in paths]
    assert [one.probabilities for one in predictor.predict(opened)] == by_path
    assert [one.probabilities for one in predictor.predict(Dataset.from_list(rows))] == by_path
    assert predictor.predict(paths, top_k=1)[0].row().keys() == {"id", "predicted", "probabilities"}


def test_what_cannot_be_read_stops_or_is_marked(saved, tmp_path):
    (tmp_path / "bad.png").write_bytes(images(1)[0]["image"]["bytes"][:300])
    rows = in_files(images(1), tmp_path)
    table = tmp_path / "rows.csv"
    table.write_text(f"image\nbad.png\n{rows[0]['image']}\nno.png\n/etc/hostname\n")
    with pytest.raises(DataError) as error:
        lines(saved, table, tmp_path)
    first, second, third = error.value.problems
    assert first.startswith(f"{table}: row 2 (id 0): image bad.png is cut off or damaged (")
    assert second == f"{table}: row 4 (id 2): image no.png does not exist. Mend or remove such images."
    assert third.startswith(f"{table}: row 5 (id 3): image /etc/hostname leads out of the folder {tmp_path}.")
    found = lines(saved, table, tmp_path, on_error="skip")
    assert [row["predicted"] is None for row in found] == [True, False, True, True]
    assert found[2]["problem"] == "image no.png does not exist"


def test_a_file_that_is_gone_when_it_is_its_turn_has_a_reason(saved, tmp_path):
    predictor = nlp_transfer.load(saved)
    good, gone = ({"bytes": None, "path": row["image"]} for row in in_files(images(2), tmp_path))
    (tmp_path / "image0-1.png").unlink()
    made = list(predictor.predict_window([("a", gone), ("b", good)], predictor.coverage(), None))
    assert made[0].row() == {"id": "a", "problem": "cannot be read (No such file or directory)"}
    assert made[1].id == "b"
    with pytest.raises(DataError, match=r"image0-1\.png cannot be read"):
        predictor.text_logits([gone])


def test_batches_change_nothing(saved):
    predictor = nlp_transfer.load(saved)
    held = [row["image"] for row in images(9)]
    together = predictor.text_logits(held)
    np.testing.assert_allclose(predictor.text_logits(held, max_tokens=1), together, atol=1e-5)
    rows = images(9)
    split = nlp_transfer.corpus_from(
        {"train": Dataset.from_list(rows)},
        kind="images",
        split=nlp_transfer.SplitConfig(method="given", validation=0.0),
    ).splits["train"]
    encoded = encode_images(split, predictor.tokenizer, fingerprint="batches")
    np.testing.assert_allclose(predictor.row_logits(encoded), together, atol=1e-5)


def test_it_is_scored_on_another_corpus(saved, corpus, tmp_path):
    report = evaluate_model(
        str(saved), nlp_transfer.CorpusConfig(path=str(corpus / "test")), output_dir=str(tmp_path / "out")
    )
    assert report.metrics["rows"] == 12
    assert 0 <= report.metrics["macro_f1"] <= 1


def test_options_and_folders_that_do_not_fit(saved, tmp_path):
    predictor = nlp_transfer.load(saved)
    with pytest.raises(ConfigError, match=r"^Unknown option 'windows'\."):
        predictor.predict([], windows=1)
    (tmp_path / "a.txt").write_text("words")
    with pytest.raises(DataError, match=r"is a folder without a image file"):
        lines(saved, tmp_path, tmp_path)
