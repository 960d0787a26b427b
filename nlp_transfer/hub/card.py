"""Write the card of a published model: metadata that the Hub understands, and the text of `model_card.md`.

It holds no sample of the data. commands/model_card.py fills in the values of a run.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlp_transfer.errors import ConfigError
from nlp_transfer.hub.package import BaseModel
from nlp_transfer.hub.upload import CARD, TAG
from nlp_transfer.models.files.validate import ADAPTER_CONFIG

METRIC_TYPES = {
    "accuracy": "accuracy",
    "token_accuracy": "accuracy",
    "exact_match": "exact_match",
    "perplexity": "perplexity",
    "matthews": "matthews_correlation",
    "average_precision": "average_precision",
}
"""The Hub's names of metrics, except those that end in `f1`, `precision` or `recall`, and ROUGE."""

CLASSIFIER = "AutoModelForSequenceClassification"

COUNTS = ("rows", "entities", "unseen_entities")
"""Numbers among the scores that are no metrics."""

CLASSIFIERS = (CLASSIFIER, "AutoModelForTokenClassification")

MAX_CLASSES = 40
"""Maximum number of classes that a card's text names; the tables name all."""


@dataclass(frozen=True)
class Card:
    """Hold the values of a card.

    Args:
        results: {domain: {split: {metric: number}}} for the metadata.
        datasets: {domain: (corpus, configuration)} by their names on the Hub; `builtin` ship with this package.
        relation: of a whole model to the base model, in the Hub's terms.
        also: other contents of the repository and their use, in Markdown.
    """

    repo_id: str
    pipeline_tag: str | None
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
        if wrong := [code for code in self.language if not is_language(code)]:
            raise ConfigError(f"--language is {wrong[0]!r}; expected a code of two or three letters, such as en.")

    def text(self) -> str:
        """Return the text of README.md."""
        from huggingface_hub import ModelCard, ModelCardData

        base = self.base.hub_id or self.base.root
        own = self.adapter and self.base.hub_id is not None  # an adapter fits no other model
        relation: dict[str, Any] = {"base_model_relation": "adapter" if own else self.relation} if base else {}
        results = list(self._eval_results())
        data = ModelCardData(
            base_model=base,
            **relation,
            library_name="peft" if self.adapter else "transformers",
            pipeline_tag=self.pipeline_tag,
            datasets=sorted({name for name, _ in self.datasets.values()}) or None,
            language=list(self.language) or None,
            license=self.license,
            tags=[TAG, *self.tags],
            model_name=self.repo_id.rpartition("/")[2] if results else None,
            eval_results=results or None,
        )
        template = Path(__file__).with_name("model_card.md")
        text = str(ModelCard.from_template(data, template_path=str(template), card=self)).rstrip("\n")
        return f"{text}\n\n{_mark(text)}\n"

    def _eval_results(self) -> Iterator[Any]:
        """Yield the metrics under their names in metrics.json."""
        from huggingface_hub import EvalResult

        for domain, splits in self.results.items():
            # The client groups results by dataset, configuration and split.
            dataset, config = self.datasets.get(domain, ("unpublished", domain))
            named = dataset
            if domain in self.builtin:  # a name without a slash is no repository on the Hub
                dataset = f"nlp-transfer-{self.builtin[domain]}"
                named = f"the corpus {self.builtin[domain]} of nlp-transfer"
            for split, scores in splits.items():
                for name, value in metrics_of(scores).items():
                    yield EvalResult(
                        task_type=self.pipeline_tag or "other",
                        dataset_type=dataset,
                        dataset_config=config,
                        dataset_name=f"{domain} ({named})",
                        dataset_split=split,
                        metric_type=metric_type(name),
                        metric_name=name,
                        metric_value=value,
                    )


def _mark(text: str) -> str:
    """Return the last line of a card, by which a later push detects edits."""
    return f"<!-- made by {TAG} ({hashlib.sha256(text.encode()).hexdigest()[:16]}); a card that was edited is kept -->"


def edited_card(folder: Path) -> str | None:
    """Return the README.md of a folder if a person wrote or edited it, else None."""
    place = folder / CARD
    if not place.is_file():
        return None
    text = place.read_text("utf-8", errors="replace")
    body, _, mark = text.rstrip("\n").rpartition("\n\n")
    of_peft = "# Model Card for Model ID" in text  # which peft writes next to an adapter
    return None if of_peft or mark == _mark(body) else text


def is_language(code: str) -> bool:
    """Return True if the Hub takes a code, such as `en`, for a language."""
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
    """Return the Python that loads an adapter onto its base model, with the classes and the type of problem.

    Args:
        names_in: location of the names if there are too many to list.
    """
    names, sized = "", ""
    if auto_class in CLASSIFIERS and len(labels) > MAX_CLASSES:
        names = f"# The classes' names, in the order of their ids: {names_in}\n" if names_in else ""
        sized = f", num_labels={len(labels)}"
    elif auto_class in CLASSIFIERS and labels:
        listed = ", ".join(f"{i}: {json.dumps(label, ensure_ascii=False)}" for i, label in enumerate(labels))
        names = f"id2label = {{{listed}}}\nlabel2id = {{label: i for i, label in id2label.items()}}\n"
        sized = ", id2label=id2label, label2id=label2id"
    if auto_class == CLASSIFIER and multi_label:  # a pipeline would take a softmax otherwise
        sized += ', problem_type="multi_label_classification"'
    name, note = ("BASE", f"  # BASE: {base.words}") if base.hub_id is None else (f'"{base.hub_id}"', "")
    revision = f', revision="{base.revision}"' if base.hub_id is not None and base.revision else ""
    inner = f', subfolder="{subfolder}"' if subfolder else ""
    return (
        f"from peft import PeftModel\nfrom transformers import {auto_class}\n\n{names}"
        f"base = {auto_class}.from_pretrained({name}{revision}{sized}){note}\n"
        f'model = PeftModel.from_pretrained(base, "{repo_id}"{inner})'
    )


def adapter_note(base: BaseModel) -> str | None:
    """Return a note on an adapter's base model; None where the Hub has it."""
    if base.hub_id is not None:
        return None
    return (
        f"Note: the adapter fits one base model alone, and that is {base.words}: neither {ADAPTER_CONFIG} nor the card "
        "can say where it lies. Whoever loads the adapter needs this very base from you."
    )


def metrics_of(scores: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that the Hub lists as metrics: all but counts and bounds of intervals.

    Example:
        >>> metrics_of({"rows": 24, "macro_f1": 0.5, "macro_f1_low": 0.4, "macro_f1_high": 0.6, "note": "of the test"})
        {'macro_f1': 0.5}
    """
    numbers = {name: value for name, value in scores.items() if isinstance(value, int | float) and name not in COUNTS}
    intervals = [name.removesuffix("_low") for name in numbers if name.endswith("_low")]
    bounds = {f"{name}_{end}" for name in intervals if f"{name}_high" in numbers for end in ("low", "high")}
    return {name: value for name, value in numbers.items() if name not in bounds}


def metric_type(name: str) -> str:
    """Return the Hub's name of a metric, such as `f1` for `macro_f1`; our own name where it has none."""
    if name.startswith("rouge"):
        return "rouge"
    for kind in ("f1", "precision", "recall"):
        if name == kind or name.endswith(f"_{kind}"):
            return kind
    return METRIC_TYPES.get(name, name)
