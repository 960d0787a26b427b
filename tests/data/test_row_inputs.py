"""What is read and compared of rows of each kind."""

from nlp_transfer.data.row_inputs import content_column, row_inputs, row_noun


def test_texts_pairs_and_images():
    assert row_inputs({"text": ["a", "b"]}) == ["a", "b"]
    assert row_inputs({"text": ["a", "b"], "second": ["c", "d"]}) == [("a", "c"), ("b", "d")]
    image = {"bytes": b"x", "path": None}
    assert row_inputs({"text": ["a.png"], "image": [image], "digest": ["0"]}) == [image]


def test_images_are_the_same_by_their_files():
    names = ("text", "image", "digest")
    assert (content_column(names), row_noun(names)) == ("digest", "image")
    assert (content_column(["text", "second"]), row_noun(["text", "second"])) == ("text", "first text")
    assert (content_column(["text"]), row_noun(["text"])) == ("text", "text")
