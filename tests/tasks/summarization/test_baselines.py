"""What stands beside a summariser: which sentences each baseline takes."""

from dataclasses import replace

import pytest

from nlp_transfer.tasks import ExtractiveSummarization
from nlp_transfer.tasks.summarization.baselines import RANKED, SUMMARY_BASELINES
from nlp_transfer.tasks.summarization.extractive import FittedExtractiveSummarization
from nlp_transfer.tasks.summarization.summaries import ExtractedSummary

SENTENCES = [
    "The weather was fine.",
    "The licensee pays the licensor a yearly fee.",
    "A yearly fee is due to the licensor of the software.",
    "The licensor may end the licence if the yearly fee is late.",
    "Birds sing.",
]


def document(summary=None, labels=None, sentences=SENTENCES):
    text = "\n".join(sentences)
    spans, start = [], 0
    for sentence in sentences:
        spans.append((start, start + len(sentence)))
        start += len(sentence) + 1
    return ExtractedSummary("a", text, spans, summary, [0.0] * len(spans), [], labels)


def taken(name, made, **settings):
    task = FittedExtractiveSummarization(ExtractiveSummarization(**{"length": 2, **settings}), by_highlights=False)
    return SUMMARY_BASELINES[name](made, task.selection)


def test_lead_takes_the_first():
    scores, numbers = taken("lead", document())
    assert numbers == [0, 1]
    assert scores == sorted(scores, reverse=True)


def test_random_follows_from_the_id():
    assert taken("random", document()) == taken("random", document())
    found = {tuple(taken("random", replace(document(), id=str(number)))[1]) for number in range(20)}
    assert len(found) > 5


FILLERS = ["Birds sing loudly.", "Rivers flow south.", "Trains run late.", "Bread smells good.", "Snow fell early."]


@pytest.mark.parametrize("name", ["textrank", "lexrank"])
def test_ranks_prefer_what_many_sentences_say(name):
    scores, numbers = taken(name, document(sentences=[*FILLERS, *SENTENCES[1:4]]), block_trigrams=False, length=1)
    assert numbers[0] >= len(FILLERS)
    assert max(scores[len(FILLERS) :]) > max(scores[: len(FILLERS)])


def test_the_oracle_knows_the_reference_or_the_labels():
    assert taken("oracle", document("Birds sing. The weather was fine."))[1] == [0, 4]
    assert taken("oracle", document(labels=[0, 0, 1, 0, 1]))[1] == [2, 4]
    assert taken("oracle", document("Birds sing. The weather was fine."), length=1)[1] in ([0], [4])


@pytest.mark.parametrize("name", SUMMARY_BASELINES)
def test_all_have_the_same_budget_and_any_document_will_do(name):
    for sentences in (["One."], ["One."] * 3, ["…", "!"], SENTENCES * 3):
        made = document("One fee.", sentences=sentences)
        for unit, size in (("sentences", 1), ("words", 12), ("share", 0.5)):
            _, numbers = taken(name, made, length_unit=unit, length=size)
            assert numbers == sorted(set(numbers))
            assert all(0 <= number < len(sentences) for number in numbers)


@pytest.mark.slow
def test_a_very_long_document_is_ranked_by_its_beginning():
    long = document(sentences=[f"Sentence {i} of a very long deed." for i in range(4 * RANKED)])
    scores, numbers = taken("textrank", long)
    assert len(scores) == 4 * RANKED
    assert max(numbers) < RANKED
    assert scores[-1] < min(scores[:RANKED])
