"""Documents are texts, or lists of their sentences."""

from nlp_transfer.tasks.summarization.documents import locate_sentences


def test_a_list_keeps_its_sentences():
    text, spans = locate_sentences(["One. Two.", "three"])
    assert text == "One. Two.\nthree"
    assert [text[first:last] for first, last in spans] == ["One. Two.", "three"]


def test_a_text_is_split():
    text, spans = locate_sentences("One is here. Two is there.")
    assert [text[first:last] for first, last in spans] == ["One is here.", "Two is there."]
    assert locate_sentences("") == ("", [])
