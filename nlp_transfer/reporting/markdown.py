"""`report.md`: one run in words and tables, for a reader who was not there."""

from collections.abc import Iterator, Mapping
from typing import Any

from nlp_transfer.files import to_json_value
from nlp_transfer.reporting.config_record import config_record
from nlp_transfer.reporting.report import DOMAINS, MODEL, Report
from nlp_transfer.reporting.sections.results import (
    confusion_table,
    has_classes,
    is_perplexity,
    is_summary,
    number,
    per_class_table,
    perplexity,
    summary_tables,
)
from nlp_transfer.reporting.tables import Table, escape_markdown, to_markdown
from nlp_transfer.reporting.yaml_text import to_yaml
from nlp_transfer.tasks.summarization.baselines import ORACLE

LEVEL = 0.05
"""Points of difference that one decimal would not show."""


def report_markdown(report: Report) -> str:
    """The whole report as Markdown."""
    return "\n".join(_sections(report)) + "\n"


def _sections(report: Report) -> Iterator[str]:
    yield f"# {escape_markdown(report.title)}\n"
    yield _paragraph(report)
    yield from (f"\n**Warning**: {escape_markdown(warning)}" for warning in report.warnings)
    yield "\n## Results\n"
    for domain in DOMAINS:
        for split in report.metrics.get(domain, {}):
            yield from _split_results(report, domain, split)
    scored = [scores for splits in report.metrics.values() for scores in splits.values()]
    of_tokens, of_summaries = any(map(is_perplexity, scored)), any(map(is_summary, scored))
    means = meaning(scored[0]) if scored else ""
    if of_summaries:
        written = "unsupported" in scored[0]
        means += (
            " Baselines take as many sentences as a training summary has on average"
            if written
            else " All systems have the same budget"
        )
        means += "; the oracle knows the reference."
    yield (
        f"{means} The interval is a 95 % percentile bootstrap over the rows scored, for one trained model; it says "
        "nothing of other seeds.\n"
    )
    yield "## Corpora\n"
    for domain, facts in report.corpora.items():
        rows = ", ".join(f"{name} {count:,}" for name, count in facts.rows.items())
        yield f"**{domain}**: {escape_markdown(facts.origin)}\n"
        yield f"- rows: {rows}\n- fingerprint: `{facts.fingerprint}`"
        yield from (f"- {escape_markdown(note)}" for note in facts.notes)
        yield ""
    yield "## Method\n"
    yield f"{_method_names(report)}, on `{report.model}`, task `{report.task}`, {_seeds(report)}.\n"
    for key, value in report.facts.items():
        yield f"- {escape_markdown(str(key))}{'' if value is True else f': {_fact(value)}'}"
    if report.thresholds:
        yield "\nThresholds, chosen on validation: a label is predicted from this probability on.\n"
        thresholds = [[name, f"{value:.4f}"] for name, value in report.thresholds.items()]
        yield to_markdown(Table("", ["label", "threshold"], thresholds))
    yield "\n## Cost\n"
    yield from (f"- {line}" for line in report.cost.lines())
    yield "\n## Versions\n"
    yield ", ".join(f"{name} {version or 'not installed'}" for name, version in report.versions.items()) + "\n"
    if "model" in report.paths:
        yield "## Use\n"
        yield from _use_of_summaries(report) if of_summaries else _use(report, of_tokens=of_tokens)
    yield "## Configuration\n"
    yield f"```yaml\n{to_yaml(config_record(report.config))}```"


def _use(report: Report, *, of_tokens: bool) -> Iterator[str]:
    """How to load the model, and what for."""
    model = report.paths["model"]
    if of_tokens:
        yield f"Name `{model}` as the `model` of another run.\n"
    yield "```python\nfrom transformers import pipeline"
    if of_tokens:
        yield f'guess = pipeline("fill-mask", model={model!r})'
        yield 'print(guess(f"A text with one word {guess.tokenizer.mask_token} out."))\n```\n'
    else:
        yield f'classify = pipeline("text-classification", model={model!r}, truncation=True)'
        yield f'print(classify("A text to classify."{", top_k=None" if report.thresholds else ""}))\n```\n'


def meaning(scores: Mapping[str, Any], *, predictions: str = "predictions.jsonl.gz lists") -> str:
    """What the numbers of a table are.

    Args:
        scores: the numbers.
        predictions: which file lists the single finds, and the verb; it lies beside a report, and not beside a card.
    """
    if is_perplexity(scores):
        return (
            "The loss is the mean over masked tokens, the perplexity its exponential; both sides guess the same tokens."
        )
    if "unsupported" in scores:
        return (
            "ROUGE is F, of stemmed words, the mean over documents. New pairs are pairs of words that a document does "
            "not have; unsupported are numbers, dates, amounts and citations that it does not have, "
            f"as a mean over summaries. {predictions} them, and what each sentence rests on."
        )
    if is_summary(scores):
        return (
            "ROUGE is F, of stemmed words, the mean over documents; of sentences, precision, recall and F1 are counted "
            "over all documents together, AP is the documents' mean average precision."
        )
    return "Macro means run over classes, micro over decisions, weighted over classes by support."


def _use_of_summaries(report: Report) -> Iterator[str]:
    """How to summarise other documents."""
    yield f"```bash\npython scripts/predict.py {report.paths['model']} documents.jsonl --text_column document\n```\n"


def _verdict(gain: float) -> str:
    """How a score stands to another one.

    Args:
        gain: points above it.
    """
    return "level with" if abs(gain) < LEVEL else f"{abs(gain):.1f} points {'above' if gain > 0 else 'BELOW'}"


def _paragraph(report: Report) -> str:
    """Who learnt what, how well, and whether it beat the best baseline: one sentence a domain."""
    source = report.corpora.get("source")
    start = f"`{report.model}` moved into {escape_markdown(source.origin) if source else 'its domain'} by "
    sentences = [start + f"{_method_names(report)} ({_seeds(report)})."]
    for domain, split in report.headlines():
        systems = report.systems(domain, split)
        scores = systems.pop(MODEL)
        if is_perplexity(scores):
            sentences.append(_perplexity_sentence(domain, split, scores, systems))
            continue
        if is_summary(scores):
            sentences.append(_summary_sentence(domain, split, scores, systems))
            continue
        sure = ""
        if "macro_f1_low" in scores:
            sure = f" (95 % interval {number(scores['macro_f1_low'])} to {number(scores['macro_f1_high'])})"
        measure = "exact match" if "exact_match" in scores else "accuracy"
        sentence = (
            f"On {scores['rows']:,} rows of {domain} {split} its macro-F1 is {number(scores['macro_f1'])}{sure} "
            f"and its {measure} {number(scores['accuracy'])}"
        )
        if systems:
            best = max(systems, key=lambda name: systems[name]["macro_f1"])
            gain = 100 * (scores["macro_f1"] - systems[best]["macro_f1"])
            beside = f"{best} ({number(systems[best]['macro_f1'])})"
            sentence += f"; that macro-F1 is {_verdict(gain)} the best baseline, {beside}"
        sentences.append(sentence + ".")
    return " ".join(sentences)


def _perplexity_sentence(domain: str, split: str, scores: dict[str, Any], others: dict[str, dict[str, Any]]) -> str:
    interval = f"95 % interval {perplexity(scores['perplexity_low'])} to {perplexity(scores['perplexity_high'])}"
    sentence = (
        f"On {scores['masked_tokens']:,} masked tokens of {domain} {split} its perplexity is "
        f"{perplexity(scores['perplexity'])} ({interval})"
    )
    return "; ".join([sentence, *(f"{perplexity(old['perplexity'])} {name}" for name, old in others.items())]) + "."


def _summary_sentence(domain: str, split: str, scores: dict[str, Any], others: dict[str, dict[str, Any]]) -> str:
    key, name = ("rouge1", "ROUGE-1") if "rouge1" in scores else ("f1", "F1 of sentences")
    sentence = (
        f"On {scores['rows']:,} documents of {domain} {split} its {name} is {number(scores[key])} (95 % interval "
        f"{number(scores[f'{key}_low'])} to {number(scores[f'{key}_high'])})"
    )
    beaten = {name: one for name, one in others.items() if name != ORACLE}
    if beaten:
        best = max(beaten, key=lambda name: beaten[name][key])
        gain = 100 * (scores[key] - beaten[best][key])
        sure = ""
        if key == "rouge1" and "rouge1_gain_low" in beaten[best]:
            low, high = (100 * beaten[best][f"rouge1_gain_{end}"] for end in ("low", "high"))
            sure = f"; on the same documents {low:+.1f} to {high:+.1f}"
        sentence += f", {_verdict(gain)} the best baseline, {best} ({number(beaten[best][key])}{sure})"
    if ORACLE in others:
        sentence += f"; the oracle has {number(others[ORACLE][key])}"
    return sentence + "."


def _split_results(report: Report, domain: str, split: str) -> Iterator[str]:
    systems = report.systems(domain, split)
    scores = systems[MODEL]
    what = "documents" if is_summary(scores) else "rows"
    yield f"### {domain}, {split} ({scores['rows']:,} {what})\n"
    yield from map(to_markdown, summary_tables(systems, ""))
    if not has_classes(scores):
        return
    yield to_markdown(per_class_table(systems, ""))
    if (matrix := confusion_table(scores, "")) is not None:
        yield "The model's confusions, rows true, columns predicted:\n"
        yield to_markdown(matrix)


def _method_names(report: Report) -> str:
    return " + ".join(f"`{name}`" for name in report.methods) or "full fine-tuning"


def _seeds(report: Report) -> str:
    return f"seed{'s' if len(report.seeds) != 1 else ''} {', '.join(map(str, report.seeds))}"


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{escape_markdown(str(key))}: {_fact(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_fact(item) for item in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return (
        f"{value:,}"
        if isinstance(value, int) and not isinstance(value, bool)
        else escape_markdown(str(to_json_value(value)))
    )
