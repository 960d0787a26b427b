"""The card of a published model: metadata that the Hub understands, and what a reader must know. No sample of the data.

The text is written by whoever knows the run (nlp_transfer/commands/push_run.py); here stands what a card is made of.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nlp_transfer.errors import ConfigError
from nlp_transfer.hub.package import BaseModel
from nlp_transfer.hub.upload import TAG
from nlp_transfer.models.files.validate import ADAPTER_CONFIG

PIPELINES = {
    "sequence_classification": "text-classification",
    "masked_language_modeling": "fill-mask",
    "extractive_summarization": "summarization",
    "abstractive_summarization": "summarization",
}
"""What the Hub calls our tasks."""

METRIC_TYPES = {
    "accuracy": "accuracy",
    "token_accuracy": "accuracy",
    "exact_match": "exact_match",
    "perplexity": "perplexity",
    "matthews": "matthews_correlation",
    "average_precision": "average_precision",
}
"""What the Hub calls our metrics, beside those that end in `f1`, `precision` or `recall`, and ROUGE."""

CLASSIFIER = "AutoModelForSequenceClassification"

NOT_PUBLISHED = "unpublished"
"""What the metadata say in place of a corpus that has no public name."""

SHOWN_CLASSES = 40
"""Up to how many classes a card's text names; the tables name all."""

NOT_FOR = {
    "sequence_classification": (
        "It is not for other kinds of texts or other languages, which it sorts all the same, nor for decisions about "
        "people without a person who reads the text."
    ),
    "masked_language_modeling": (
        "It is not for other kinds of texts or other languages, and what it guesses is no statement of fact. What is "
        "built on it is not for decisions about people without a person who reads the text."
    ),
    "extractive_summarization": (
        "It is not for other kinds of documents or other languages. What it leaves out may matter: it is not for "
        "decisions about people without a person who reads the document."
    ),
    "abstractive_summarization": (
        "It is not for other kinds of documents or other languages. It may write what the document does not say: it is "
        "not for decisions about people without a person who reads the document."
    ),
}
"""What models are not for, by task."""


@dataclass(frozen=True)
class Card:
    """All that a card says.

    Args:
        repo_id: the model's name on the Hub.
        task: its task, as a configuration names it; empty where none is known.
        base: the model that was trained on.
        adapter: whether the repository holds an adapter alone.
        summary: the first paragraph.
        use: how to load it, in Python.
        intended: what it is for, and what not.
        transfer: from where to where, and how; one paragraph each.
        scores: tables, in Markdown.
        results: {domain: {split: {metric: number}}} for the metadata.
        datasets: {domain: the Hub's names of its corpus and of the configuration}; a domain that is not there is of a
            corpus without them.
        builtin: {domain: the corpus that ships with this package}; the metadata name it, too.
        limits: one sentence each.
        cost: one measure each.
        versions: by library.
        license: an identifier that the Hub knows.
        language: codes, such as `en`.
        tags: beside our own.
        relation: of a whole model to the base model, as the Hub calls it.
        also: what else the repository holds and how to load that, in Markdown.
    """

    repo_id: str
    task: str
    base: BaseModel
    adapter: bool
    summary: str
    use: str
    intended: str
    transfer: Sequence[str] = ()
    scores: str = ""
    results: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    datasets: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    builtin: Mapping[str, str] = field(default_factory=dict)
    limits: Sequence[str] = ()
    cost: Sequence[str] = ()
    versions: Mapping[str, str | None] = field(default_factory=dict)
    license: str | None = None
    language: Sequence[str] = ()
    tags: Sequence[str] = ()
    relation: str = "finetune"
    also: str = ""

    def __post_init__(self) -> None:
        wrong = [code for code in self.language if not is_language(code)]
        if wrong:
            raise ConfigError(f"--language is {wrong[0]!r}; expected a code of two or three letters, such as en.")

    def text(self) -> str:
        """The card as it stands in README.md."""
        from huggingface_hub import ModelCard

        return str(ModelCard(f"---\n{self._metadata()}\n---\n\n" + "\n".join(self._body())))

    def _metadata(self) -> str:
        from huggingface_hub import ModelCardData

        pipeline = PIPELINES.get(self.task)
        base = self.base.hub_id or self.base.root
        own = self.adapter and self.base.hub_id is not None  # an adapter fits the model that it was trained on alone
        relation: dict[str, Any] = {"base_model_relation": "adapter" if own else self.relation} if base else {}
        results = list(self._eval_results(pipeline or self.task))
        data = ModelCardData(
            base_model=base,
            **relation,
            library_name="peft" if self.adapter else "transformers",
            pipeline_tag=pipeline,
            datasets=sorted({name for name, _ in self.datasets.values()}) or None,
            language=list(self.language) or None,
            license=self.license,
            tags=[TAG, *self.tags],
            model_name=self.repo_id.rpartition("/")[2] if results else None,
            eval_results=results or None,
        )
        return data.to_yaml()

    def _eval_results(self, task: str) -> Iterator[Any]:
        """The metrics under the names that they have in metrics.json; the text has the bounds of their intervals."""
        from huggingface_hub import EvalResult

        for domain, splits in self.results.items():
            # The client takes results of one dataset, configuration and split for those of one corpus.
            dataset, config = self.datasets.get(domain, (NOT_PUBLISHED, domain))
            named = dataset
            if domain in self.builtin:  # without a slash, the type can be no repository's name on the Hub
                dataset = f"nlp-transfer-{self.builtin[domain]}"
                named = f"the corpus {self.builtin[domain]} of nlp-transfer"
            for split, scores in splits.items():
                for name, value in metrics_of(scores).items():
                    yield EvalResult(
                        task_type=task,
                        dataset_type=dataset,
                        dataset_config=config,
                        dataset_name=f"{domain} ({named})",
                        dataset_split=split,
                        metric_type=metric_type(name),
                        metric_name=name,
                        metric_value=value,
                    )

    def _body(self) -> Iterator[str]:
        yield f"# {self.repo_id.rpartition('/')[2]}\n"
        yield f"{self.summary[:1].upper()}{self.summary[1:]}\n"
        yield f"## Use\n\n```python\n{self.use.strip()}\n```\n"
        if self.also:
            yield f"{self.also.strip()}\n"
        yield f"A private repository needs a login (`hf auth login`).\n\n{self.intended}\n"
        for title, lines in (("Transfer", self.transfer), ("Scores", [self.scores]), ("Limits", [_list(self.limits)])):
            if any(lines):
                yield f"## {title}\n"
                yield from (f"{line.rstrip()}\n" for line in lines)
        if self.cost:
            yield f"## Cost\n\n{_list(self.cost)}\n"
        if self.versions:
            found = ", ".join(f"{name} {version}" for name, version in self.versions.items() if version)
            yield f"## Versions\n\n{found}\n"


def is_language(code: str) -> bool:
    """Return whether the Hub takes a code for a language."""
    return bool(re.fullmatch(r"[a-z]{2,3}|code|multilingual", code))


def adapter_use(
    repo_id: str,
    base: BaseModel,
    auto_class: str,
    labels: Sequence[str] = (),
    *,
    multi_label: bool = False,
    names_in: str = "",
    subfolder: str = "",
) -> str:
    """How to load an adapter alone, in Python.

    An adapter's configuration has no place for the names of classes, nor for whether a text may have several, so
    whoever loads a classifier says both.

    Args:
        repo_id: where it is.
        base: the model that it fits.
        auto_class: of transformers, for the network.
        labels: its classes, in the order of their ids.
        multi_label: whether a text may have several of them.
        names_in: where the names stand, where there are too many to list.
        subfolder: of the repository, where the adapter is not at its top.
    """
    names, sized = "", ""
    if auto_class == CLASSIFIER and len(labels) > SHOWN_CLASSES:
        names = f"# The classes' names, in the order of their ids: {names_in}\n" if names_in else ""
        sized = f", num_labels={len(labels)}"
    elif auto_class == CLASSIFIER and labels:
        listed = ", ".join(f"{i}: {json.dumps(label, ensure_ascii=False)}" for i, label in enumerate(labels))
        names = f"id2label = {{{listed}}}\nlabel2id = {{label: i for i, label in id2label.items()}}\n"
        sized = ", id2label=id2label, label2id=label2id"
    if auto_class == CLASSIFIER and multi_label:  # a pipeline would take a softmax otherwise
        sized += ', problem_type="multi_label_classification"'
    if base.hub_id is not None and auto_class == CLASSIFIER and not subfolder:
        own = auto_class.replace("Auto", "AutoPeft")
        return f'from peft import {own}\n\n{names}model = {own}.from_pretrained("{repo_id}"{sized})'
    name = f'"{base.hub_id}"' if base.hub_id is not None else "BASE"
    revision = f', revision="{base.revision}"' if base.hub_id is not None and base.revision else ""
    inner = f', subfolder="{subfolder}"' if subfolder else ""
    return (
        f"from peft import PeftModel\nfrom transformers import {auto_class}\n\n{names}"
        f"base = {auto_class}.from_pretrained({name}{revision}{sized})"
        + ("" if base.hub_id is not None else f"  # BASE: {base.words}")
        + f'\nmodel = PeftModel.from_pretrained(base, "{repo_id}"{inner})'
    )


def adapter_note(base: BaseModel) -> str | None:
    """What whoever pushes an adapter should know of its base; None where the Hub has it."""
    if base.hub_id is not None:
        return None
    return (
        f"Note: the adapter fits one base model alone, and that is {base.words}: neither {ADAPTER_CONFIG} nor the card "
        "can say where it lies. Whoever loads the adapter needs this very base from you."
    )


def metrics_of(scores: Mapping[str, Any]) -> dict[str, float]:
    """What the Hub may list as metrics: every number but counts of rows and the two bounds of an interval.

    >>> metrics_of({"rows": 24, "macro_f1": 0.5, "macro_f1_low": 0.4, "macro_f1_high": 0.6, "note": "of the test"})
    {'macro_f1': 0.5}
    """
    numbers = {name: value for name, value in scores.items() if isinstance(value, int | float) and name != "rows"}
    intervals = [name.removesuffix("_low") for name in numbers if name.endswith("_low")]
    bounds = {f"{name}_{end}" for name in intervals if f"{name}_high" in numbers for end in ("low", "high")}
    return {name: value for name, value in numbers.items() if name not in bounds}


def metric_type(name: str) -> str:
    """What the Hub calls a metric of ours; our own name where it has none."""
    if name.startswith("rouge"):
        return "rouge"
    for kind in ("f1", "precision", "recall"):
        if name == kind or name.endswith(f"_{kind}"):
            return kind
    return METRIC_TYPES.get(name, name)


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
