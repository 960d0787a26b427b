"""Entities as tools write them become characters and classes; what is wrong with them is named by its row."""

import json
from collections import Counter

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, Features, Sequence, Value

from nlp_transfer import CorpusConfig, corpus_from, load_corpus
from nlp_transfer.data.validation.spans import tag_spans, trimmed
from nlp_transfer.errors import DataError

TEXT = "Aspirin helps, ibuprofen too."
SPANS = [{"start": 0, "end": 7, "label": "DRUG"}, {"start": 15, "end": 24, "label": "DRUG"}]


def read(**columns):
    """The spans of a corpus of one row."""
    frame = pd.DataFrame({name: [value] for name, value in columns.items()})
    corpus = corpus_from({"train": frame, "validation": frame, "test": frame}, kind="entities")
    row, names = corpus.splits["test"][0], corpus.label_names
    spans = zip(row["span_starts"], row["span_ends"], row["labels"], strict=True)
    return [(start, end, names[label]) for start, end, label in spans], corpus


def refusal(**columns):
    with pytest.raises(DataError) as caught:
        read(**columns)
    return caught.value.problems[0]


EXPECTED = [(0, 7, "DRUG"), (15, 24, "DRUG")]


@pytest.mark.parametrize(
    "columns",
    [
        {"spans": SPANS},
        {"spans": SPANS[::-1]},
        {"label": json.dumps(SPANS), "annotation_id": 3},  # a cell of Label Studio's CSV
        {"label": [[0, 7, "DRUG"], [15, 24, "DRUG"]]},
        {"labels": [[0, 7, "DRUG"], [15, 24, "DRUG"]], "comments": []},
        {
            "entities": [
                {"id": 1, "label": "DRUG", "start_offset": 0, "end_offset": 7},
                {"id": 2, "label": "DRUG", "start_offset": 15, "end_offset": 24},
            ],
            "relations": [],
        },
        {
            "label": [
                {"start": 0, "end": 7, "text": "Aspirin", "labels": ["DRUG"]},
                {"start": 15, "end": 24, "text": "ibuprofen", "labels": ["DRUG"]},
            ],
            "annotator": 1,
        },
    ],
    ids=[
        "ours",
        "any order",
        "label studio csv",
        "doccano label",
        "doccano labels",
        "doccano relations",
        "label studio min",
    ],
)
def test_exports_are_read_as_they_are(columns):
    assert read(text=TEXT, **columns)[0] == EXPECTED


def test_a_task_of_label_studio_has_its_text_and_annotations():
    results = [
        {"type": "labels", "value": {"start": 0, "end": 7, "text": "Aspirin", "labels": ["DRUG"]}},
        {"type": "choices", "value": {"choices": ["medical"]}},
    ]
    task = {"data": {"text": TEXT}, "annotations": [{"was_cancelled": True}, {"result": results}]}
    assert read(**task)[0] == EXPECTED[:1]
    assert read(data={"note": TEXT, "page": 3}, annotations=task["annotations"])[0] == EXPECTED[:1]
    assert "row 1: has no annotation. Finish it in Label Studio" in refusal(**{**task, "annotations": []})
    twice = {**task, "annotations": [{"result": results}, {"result": results}]}
    assert refusal(**twice).endswith(
        "row 1: has 2 annotations. Keep the one that counts: two people may mark different words."
    )


def test_words_and_tags_are_joined_by_blanks():
    tags = ["B-DRUG", "O", "O", "B-DRUG", "O"]
    found, corpus = read(tokens=["Aspirin", "helps", ",", "ibuprofen", "too"], ner_tags=tags)
    assert corpus.splits["test"]["text"][0] == "Aspirin helps , ibuprofen too"
    assert found == [(0, 7, "DRUG"), (16, 25, "DRUG")]
    assert "has 1 tokens and 2 tags" in refusal(tokens=["a"], tags=["O", "O"])
    assert "holds the tag 3. Tags are O, B-CLASS and I-CLASS (or BILOU)" in refusal(tokens=["a"], tags=[3])


def test_tags_of_the_hub_are_read_by_their_names():
    names = ["O", "B-DRUG", "I-DRUG"]
    features = Features({"tokens": Sequence(Value("string")), "ner_tags": Sequence(ClassLabel(names=names))})
    rows = Dataset.from_dict({"tokens": [["New", "pain", "killer"]], "ner_tags": [[0, 1, 2]]}, features=features)
    corpus = corpus_from({"train": rows, "validation": rows, "test": rows}, kind="entities")
    assert corpus.label_names == ["DRUG"]
    assert (corpus.splits["test"]["span_starts"][0], corpus.splits["test"]["span_ends"][0]) == ([4], [15])


def test_a_conll_file_is_a_corpus(tmp_path):
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.conll").write_text(f"{name} O\nAspirin B-DRUG\n\nForte B-DRUG\n")
    corpus = load_corpus(CorpusConfig(str(tmp_path)), kind="entities")
    assert {name: len(rows) for name, rows in corpus.splits.items()} == {"train": 2, "validation": 2, "test": 2}
    assert corpus.splits["test"]["text"][0] == "test Aspirin"


@pytest.mark.parametrize(
    ("tags", "expected", "unopened"),
    [
        (["B-A", "I-A", "O"], [(0, 3, "A")], 0),
        (["B-A", "B-A", "I-A"], [(0, 1, "A"), (2, 5, "A")], 0),
        (["I-A", "I-A", "I-B"], [(0, 3, "A"), (4, 5, "B")], 2),
        (["B-A", "I-B", "O"], [(0, 1, "A"), (2, 3, "B")], 1),
        (["B-A", "L-A", "U-B"], [(0, 3, "A"), (4, 5, "B")], 0),
        (["B-A", "E-A", "I-A"], [(0, 3, "A"), (4, 5, "A")], 1),
        (["S-A", "O", "O"], [(0, 1, "A")], 0),
    ],
)
def test_tags_of_every_scheme(tags, expected, unopened):
    facts = Counter()
    assert tag_spans(["a", "b", "c"], tags, facts) == expected
    assert facts["unopened"] == unopened


def test_repaired_tags_are_counted():
    _, corpus = read(tokens=["a", "b"], tags=["I-X", "O"])
    assert "data, split 'test': entities whose tags begin with I-, read as entities of their own: 1." in corpus.notes


def test_white_space_at_the_ends_is_left_out_and_counted():
    found, corpus = read(text=TEXT, spans=[[14, 24, "DRUG"], [0, 8, "DRUG"]])
    assert found == EXPECTED
    assert any(note.endswith("invisible characters at an end, which were left out: 2.") for note in corpus.notes)
    assert trimmed("\u200b a \ufeff", 0, 5) == (2, 3)


def test_offsets_in_utf16_are_converted_where_the_text_shows_them():
    text = "😀 Aspirin"
    found, corpus = read(text=text, spans=[{"start": 3, "end": 10, "label": "DRUG", "text": "Aspirin"}])
    assert found == [(2, 9, "DRUG")]
    assert any("UTF-16 units" in note for note in corpus.notes)
    two = [{"start": 3, "end": 10, "label": "A", "text": "Aspirin"}, {"start": 0, "end": 2, "label": "B", "text": "😀"}]
    assert read(text=text, spans=two)[0] == [(0, 1, "B"), (2, 9, "A")]
    message = refusal(text=text, spans=[{"start": 1, "end": 3, "label": "DRUG", "text": "Aspirin"}])
    assert "row 1: holds the entity 'Aspirin', which is not at its offsets. Offsets count characters" in message


@pytest.mark.parametrize(
    ("spans", "problem"),
    [
        ([[0, 7, "A"], [5, 9, "B"]], "entities overlap: 'Aspirin' (A, 0 to 7) and 'in h' (B, 5 to 9). A token has one"),
        ([[0, 7, "A"], [0, 7, "A"]], "entities overlap: 'Aspirin' (A, 0 to 7) and 'Aspirin' (A, 0 to 7)."),
        ([[0, 99, "A"]], "holds an entity of A from 0 to 99, and the text has 29 characters. Write"),
        ([[7, 7, "A"]], "holds an entity of A from 7 to 7, and the text has 29 characters."),
        ([[-3, 7, "A"]], "holds an entity of A from -3 to 7, and the text has 29 characters."),
        ([[7, 8, "A"]], "holds an entity of A from 7 to 8 without a visible character. Take it out."),
        ([[0.5, 7, "A"]], "holds [0.5, 7, 'A'], no entity."),
        ([[True, 7, "A"]], "holds [True, 7, 'A'], no entity."),
        ([[0, 7, " "]], "holds [0, 7, ' '], no entity."),
        ([{"start": 0, "end": 7}], "holds {'start': 0, 'end': 7}, no entity."),
        ([{"start": 0, "end": 7, "labels": ["A", "B"]}], "holds an entity with several classes: A, B. Keep one"),
        (["Aspirin"], "holds 'Aspirin', no entity."),
        ("Aspirin", "spans is 'Aspirin', no list of entities."),
    ],
)
def test_what_is_no_entity_is_named_by_its_row(spans, problem):
    assert refusal(text=TEXT, spans=spans).startswith(f"data, split 'train': row 1: {problem}")


def test_rows_that_nobody_has_marked_are_missing():
    frame = pd.DataFrame({"text": [TEXT, TEXT], "spans": [SPANS, None]})
    with pytest.raises(
        DataError, match=r"row 2: spans is missing \(null\)\. Label these rows, or move them to a split"
    ):
        corpus_from({"train": frame}, kind="entities")
    with pytest.raises(
        DataError, match=r"there is no column 'spans'; columns found: text\. Name theirs: `data\.columns"
    ):
        corpus_from({"train": frame[:1], "test": frame[["text"]]}, kind="entities")
    with pytest.raises(DataError, match=r"no row has an entity in its spans; there is nothing to learn"):
        corpus_from({"train": pd.DataFrame({"text": ["a"], "spans": [[]]})}, kind="entities")
    with pytest.raises(DataError, match="there is no column 'text'"):
        corpus_from({"train": pd.DataFrame({"body": [TEXT]})}, kind="entities")


def test_words_have_no_invisible_ends():
    assert read(tokens=["take", "Zoxa\u200b"], tags=["O", "B-DRUG"])[0] == [(5, 9, "DRUG")]
    assert "without a visible character" in refusal(tokens=["x", "\u200b"], tags=["O", "B-DRUG"])


def test_a_row_of_label_studio_without_a_mark_has_none():
    frame = pd.DataFrame({"text": [TEXT, "nothing"], "label": [[{"start": 0, "end": 7, "labels": ["A"]}], None]})
    frame["annotation_id"] = [1, 2]
    corpus = corpus_from({"train": frame, "validation": frame}, kind="entities")
    assert corpus.splits["train"]["span_starts"][:] == [[0], []]


def test_cells_of_json_may_be_empty_or_broken():
    assert "row 1: label is '[{', no list of entities. Write {" in refusal(text=TEXT, label="[{")
    frame = pd.DataFrame({"text": [TEXT, "Nothing."], "label": [json.dumps(SPANS), ""], "annotation_id": [1, 2]})
    frame = pd.concat([frame, pd.DataFrame({"text": ["b"], "label": ["[]"], "annotation_id": [3]})])
    corpus = corpus_from({"train": frame, "validation": frame, "test": frame}, kind="entities")
    assert corpus.splits["test"]["span_starts"][:] == [[0, 15], [], []]


def test_labels_are_left_out_where_none_are_wanted():
    frame = pd.DataFrame({"tokens": [["a", "b"]], "tags": [["O", "B-X"]]})
    corpus = corpus_from({"test": frame}, kind="entities", labeled=False)
    assert corpus.splits["test"].column_names == ["id", "text"]
    assert corpus.splits["test"]["text"][0] == "a b"
