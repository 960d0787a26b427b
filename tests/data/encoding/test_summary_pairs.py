"""Documents and summaries become rows: windows of whole sentences, selections, targets that end."""

import pandas as pd
import pytest
from transformers import AutoTokenizer

from nlp_transfer import corpus_from
from nlp_transfer.data.encoding import summary_pairs
from nlp_transfer.data.encoding.collators import PaddingCollator, PairCollator
from nlp_transfer.data.encoding.summary_pairs import PairEncoder, encode_pairs
from nlp_transfer.metrics.sentence_selection import assign_sentences
from tests.tiny_runs import tiny_encoder

DOCUMENT = "use copy modify. the work of you.\n\nsource same share. may any must. waive rights world."
SPANS = [(0, 16), (17, 33), (35, 53), (54, 67), (68, 87)]
SENTENCES = [DOCUMENT[first:last] for first, last in SPANS]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return AutoTokenizer.from_pretrained(tiny_encoder(tmp_path_factory.mktemp("encoder")))


def encoder(tokenizer, max_length=12, max_summary_length=8, **changes):
    return PairEncoder(tokenizer, max_length, max_summary_length, **changes)


def words(ids, tokenizer):
    return tokenizer.decode(ids).replace("[UNK]", ".")


def test_a_document_that_fits_is_one_window_as_it_stands(tokenizer):
    # 17 words and 5 full stops; the special tokens take two more.
    assert encoder(tokenizer, 24).sources([DOCUMENT], [SPANS]) == [[(DOCUMENT, False)]]


def test_windows_are_whole_sentences_with_what_stands_between_them(tokenizer):
    assert encoder(tokenizer).room == 10
    (found,) = encoder(tokenizer).sources([DOCUMENT], [SPANS])
    assert found == [
        ("use copy modify. the work of you.", False),
        ("source same share. may any must.", False),
        ("waive rights world.", False),
    ]
    ids = encoder(tokenizer).read([text for text, _ in found])
    assert [len(row) for row in ids] == [11, 10, 6]
    assert words(ids[0], tokenizer) == "[CLS] use copy modify . the work of you . [SEP]"


def test_a_sentence_that_does_not_fit_is_read_as_far_as_it_goes(tokenizer):
    text = "use " * 15 + ". the work."
    (found,) = encoder(tokenizer).sources([text], [[(0, 61), (62, 71)]])
    assert found == [(("use " * 15 + ".").strip(), True), ("the work.", False)]
    assert [len(row) for row in encoder(tokenizer).read([text for text, _ in found])] == [12, 5]


def test_a_document_may_be_cut_instead(tokenizer):
    (found,) = encoder(tokenizer, whole=True).sources([DOCUMENT], [SPANS])
    assert found == [(DOCUMENT, True)]
    assert len(encoder(tokenizer, whole=True).read([DOCUMENT])[0]) == 12


def test_a_selection_takes_the_best_that_fit_in_the_documents_order(tokenizer):
    asked = []

    def ranking(documents):
        asked.append(documents)
        return [[0.1, 0.9, 0.2, 0.3, 0.8]]

    made = encoder(tokenizer, ranking=ranking)
    found = made.sources(["the work.", DOCUMENT], [[(0, 9)], SPANS])
    # 5 and 4 tokens of 10; no other sentence fits into the last one.
    assert found == [[("the work.", False)], [("the work of you. waive rights world.", False)]]
    assert asked == [[SENTENCES]]  # a document that fits is read whole
    short = encoder(tokenizer, 5, ranking=lambda _: [[0, 9, 0, 0, 0]])
    assert short.sources([DOCUMENT], [SPANS]) == [[("the work of you.", True)]]


def test_a_prefix_is_read_before_each_window(tokenizer):
    made = encoder(tokenizer, prefix="this software ")
    assert made.room == 8
    ids = made.read(["use copy."])
    assert words(ids[0], tokenizer) == "[CLS] this software use copy . [SEP]"


def test_no_text(tokenizer):
    assert encoder(tokenizer).sources([], []) == []
    assert encoder(tokenizer).sources([""], [[]]) == [[("", False)]]


def test_a_summary_that_is_cut_still_ends(tokenizer):
    ids, cut = encoder(tokenizer, max_summary_length=5).written(["use copy", "use copy modify freely share"])
    assert cut == [False, True]
    assert [words(row, tokenizer) for row in ids] == ["[CLS] use copy [SEP]", "[CLS] use copy modify [SEP]"]
    assert encoder(tokenizer).written([]) == ([], [])


@pytest.fixture(scope="module")
def dataset():
    rows = [
        {"id": "long", "document": DOCUMENT, "summary": "waive rights. share the source."},
        {"id": "short", "document": "the work.", "summary": "work"},
    ]
    other = [{"id": "other", "document": "any software.", "summary": "any"}]
    frames = {"train": pd.DataFrame(rows), "validation": pd.DataFrame(other)}
    return corpus_from(frames, kind="documents").splits["train"]


def encoded(dataset, tokenizer):
    return encode_pairs(dataset, encoder(tokenizer), assign=assign_sentences, fingerprint="f")


def test_each_sentence_of_a_summary_is_written_of_the_window_that_it_is_about(dataset, tokenizer):
    rows = list(encoded(dataset, tokenizer))
    assert [row["id"] for row in rows] == ["long", "long#2", "long#3", "short"]
    assert [row["document"] for row in rows] == [0, 0, 0, 1]
    assert [words(row["labels"], tokenizer) for row in rows] == [
        "",
        "[CLS] share the source . [SEP]",
        "[CLS] waive rights . [SEP]",
        "[CLS] work [SEP]",
    ]
    assert [row["text"] for row in rows] == [DOCUMENT, "", "", "the work."]
    assert [row["summary"] for row in rows] == ["waive rights. share the source.", "", "", "work"]
    assert [row["length"] for row in rows] == [11, 10, 6, 5]
    assert not any(row["truncated"] or row["target_cut"] for row in rows)


def test_without_summaries_there_are_no_labels(dataset, tokenizer):
    rows = encoded(dataset.remove_columns("summary"), tokenizer)
    assert "labels" not in rows.column_names
    assert rows["id"] == ["long", "long#2", "long#3", "short"]


def test_a_batch_shifts_what_is_written(tokenizer):
    collate = PairCollator(PaddingCollator(tokenizer), start=2, fill=1)
    batch = collate(
        [
            {"input_ids": [2, 5, 3], "labels": [2, 6, 7, 3]},
            {"input_ids": [2, 3], "labels": [8, 3]},
            {"input_ids": [2], "labels": []},
        ]
    )
    # The token that a decoder begins with is not learned once more.
    assert batch["labels"].tolist() == [[6, 7, 3], [8, 3, -100], [-100, -100, -100]]
    assert batch["decoder_input_ids"].tolist() == [[2, 6, 7], [2, 8, 3], [2, 1, 1]]
    assert batch["attention_mask"].sum(dim=1).tolist() == [3, 2, 1]


def test_a_decoder_that_begins_otherwise_learns_all_of_it(tokenizer):
    collate = PairCollator(PaddingCollator(tokenizer), start=0, fill=1)
    batch = collate([{"input_ids": [2, 5, 3], "labels": [2, 6, 3]}])
    assert batch["labels"].tolist() == [[2, 6, 3]]
    assert batch["decoder_input_ids"].tolist() == [[0, 2, 6]]
    assert set(collate([{"input_ids": [2, 5, 3]}])) == {"input_ids", "attention_mask"}
    assert collate([{"input_ids": [2], "labels": []}])["decoder_input_ids"].tolist() == [[0]]


def test_pairs_come_from_the_cache_the_second_time(dataset, tokenizer, monkeypatch):
    first = encoded(dataset, tokenizer)
    monkeypatch.setattr(summary_pairs, "_encode_batch", lambda *_, **__: pytest.fail("encoded again"))
    assert encoded(dataset, tokenizer)[:] == first[:]
