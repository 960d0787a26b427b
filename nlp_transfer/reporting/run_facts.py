"""Describe a run: its corpora, what is trained, and what a reader of the report must know."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from datasets import Dataset

from nlp_transfer.data import Corpus, describe
from nlp_transfer.data.encoding.token_coverage import unknown_example, unreadable_rows, unreadable_warning
from nlp_transfer.methods.context import Context
from nlp_transfer.models.loading import LoadedModel
from nlp_transfer.tasks.base import DomainPredictions
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.target_data import Encoded


def describe_corpora(corpora: Mapping[str, Corpus]) -> list[str]:
    """Return what each domain's corpus holds, line by line."""
    return [
        line for domain, corpus in corpora.items() for line in (f"{domain}:", *(f"  {x}" for x in describe(corpus)))
    ]


def parameter_summary(experiment: ExperimentParts, trainable: int, total: int) -> str:
    """Return the methods, how many parameters they train, and in what precision."""
    methods = ", ".join(method.name for method in experiment.methods)
    precision = "bf16" if experiment.training.bf16 else "fp16" if experiment.training.fp16 else "fp32"
    share = f"{trainable:,} of {total:,} parameters ({trainable / total:.2%})"
    return f"{methods}: trains {share}, in {precision} on {experiment.training.device.type}."


def truncation_summary(encoded: Encoded) -> dict[str, str]:
    """Return how many texts or sentences were cut at the task's length, as facts for the report."""
    facts = {}
    for domain, splits in encoded.items():
        rows = sum(len(dataset) for dataset in splits.values())
        unit = "windows" if any("document" in dataset.column_names for dataset in splits.values()) else "texts"
        cut = sum(int(np.sum(rows["truncated"])) for rows in splits.values() if "truncated" in rows.column_names)
        if cut:
            facts[f"{domain} {unit} cut at the task's length"] = (
                f"{cut:,} of {rows:,} ({cut / rows:.0%}){_unread_share(splits.values())}"
            )
        if domain == "source" and "train" in splits and "target_cut" in splits["train"].column_names:
            written = int(np.sum(splits["train"]["target_cut"]))
            if written:
                facts["training windows whose summary is cut at task.max_summary_length"] = f"{written:,}"
        long = sum(int(np.sum(rows["cut"])) for rows in splits.values() if "cut" in rows.column_names)
        if long:
            facts[f"{domain} sentences longer than a window, read as far as it goes"] = f"{long:,}"
    return facts


def _unread_share(splits: Iterable[Dataset]) -> str:
    """Return the share of all tokens that is cut off, as text; empty for rows that are not whole texts."""
    whole = [rows for rows in splits if "text_length" in rows.column_names]
    tokens = sum(int(np.sum(rows["text_length"])) for rows in whole)
    read = sum(int(np.sum(rows["length"])) for rows in whole)
    return f", {1 - read / tokens:.1%} of all tokens" if tokens else ""


def unreadable_warnings(encoded: Encoded, corpora: Mapping[str, Corpus], tokenizer: Any) -> tuple[str, ...]:
    """Return a warning for each domain with rows that the tokenizer cannot read."""
    warnings = []
    for domain, splits in encoded.items():
        found = {split: unreadable_rows(rows, tokenizer) for split, rows in splits.items()}
        count = sum(map(len, found.values()))
        if count:
            split, indices = next((split, indices) for split, indices in found.items() if len(indices))
            row_id = splits[split][int(indices[0])]["id"]
            texts = corpora[domain].splits[split]
            text = next((row["text"] for row in texts.select_columns(["id", "text"]) if row["id"] == row_id), "")
            example = unknown_example(tokenizer, row_id, text)
            total = sum(len(rows) for rows in splits.values())
            warnings.append(f"{domain}: {unreadable_warning(count, total, example)}")
    return tuple(warnings)


def metrics_of(scored: DomainPredictions) -> dict[str, dict[str, dict[str, Any]]]:
    """{domain: {split: metrics}} of the splits that have labels."""
    return {
        domain: {split: one.metrics for split, one in splits.items() if one.metrics}
        for domain, splits in scored.items()
    }


def facts_of(loaded: LoadedModel, encoded: "Encoded", trainer: TransferTrainer, context: Context) -> dict[str, Any]:
    """Return what happened on the way that a reader of the report must know."""
    return {
        **dict.fromkeys(loaded.notes, True),
        **truncation_summary(encoded),
        **trainer.summary(),
        **_brief(context.facts),
    }


def _brief(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the methods' facts with lists of all that was tried as their number."""
    return {
        name: {key: len(value) if key == "candidates" else value for key, value in fact.items()}
        if isinstance(fact, dict)
        else fact
        for name, fact in facts.items()
    }
