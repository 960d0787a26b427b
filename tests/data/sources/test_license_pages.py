"""The pages of licence texts are images, grouped as their texts are."""

import io

import numpy as np
from PIL import Image

from nlp_transfer import CorpusConfig, SplitConfig, load_corpus
from nlp_transfer.data.source import CorpusReader, RawSplit, batches
from nlp_transfer.data.sources import license_pages
from nlp_transfer.data.sources.license_pages import PAGE_SIZE, draw_page

TEXTS = [
    {"id": f"{kind}-{number}", "text": f"{kind} " * 40 + str(number % 2), "label": kind}
    for kind in ("MIT", "GPL")
    for number in range(8)
]


def page(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(draw_page(text))))


def test_a_page_shows_its_text_in_a_margin():
    drawn = page("Permission is hereby granted\n\nTHE SOFTWARE IS PROVIDED")
    assert drawn.shape == PAGE_SIZE[::-1]
    dark = np.argwhere(drawn < 128)
    assert dark.min() >= 48
    assert len({row // 10 for row, _ in dark - [48, 0]}) in (2, 3)  # two lines, whose letters may touch the next
    assert (page("") == 255).all()


def test_long_lines_are_wrapped_and_long_texts_end_with_the_page():
    drawn = page("word " * 5000)
    dark = np.argwhere(drawn < 128)
    assert dark[:, 0].max() < PAGE_SIZE[1] - 40
    assert dark[:, 1].max() < PAGE_SIZE[0]


def test_pages_have_the_labels_of_texts_and_alike_ones_one_group(monkeypatch):
    split = RawSplit("licences", lambda wanted: batches(list(enumerate(TEXTS, 1)), wanted))
    monkeypatch.setattr(license_pages, "license_source", lambda key: CorpusReader("licenses (1)", {"all": split}))
    config = CorpusConfig(builtin="license_pages", split=SplitConfig(method="stratified", validation=0.0))
    corpus = load_corpus(config, kind="images")
    assert corpus.origin == "license_pages (1)"
    assert corpus.label_names == ["GPL", "MIT"]
    rows = {row["id"]: row for part in corpus.splits.values() for row in part}
    assert rows["MIT-0"]["text"] == "MIT-0.png"
    assert rows["MIT-0"]["image"]["bytes"] == draw_page(TEXTS[0]["text"])
    reader = license_pages.license_page_source("source").splits["all"].read(frozenset(["id", "alike"]))
    groups = {row_id: group for batch in reader for row_id, group in zip(*batch.columns.values(), strict=True)}
    assert groups["MIT-0"] == groups["MIT-2"] != groups["GPL-0"]
