"""Make the card of a run's model: its encoder, corpora, methods, scores, limits and cost, from the run's folder.

A corpus is named only if it has a public name: a Hub id, or a corpus that ships with this package. Others are "not
published", whatever their files are called.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nlp_transfer.commands.finished_runs import FinishedRun, read_run
from nlp_transfer.errors import PublishError
from nlp_transfer.hub.card import MAX_CLASSES, Card, adapter_use
from nlp_transfer.hub.package import NOT_ON_HUB, BaseModel
from nlp_transfer.methods import METHODS
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.models.files.resolve import PACKAGE_PREFIX, folder_origin, hub_origin
from nlp_transfer.reporting.report import METRICS_FILE, MODEL
from nlp_transfer.reporting.sections.results import result_tables
from nlp_transfer.reporting.tables import to_markdown
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.blocks import Table, escape_markdown
from nlp_transfer.tasks.saved_folder import saved_record
from nlp_transfer.training.arguments import TransferArguments

ADAPTER = "adapter"
"""The folder of an adapter, in a run's and in a repository that holds the model, too."""

RECIPE = (
    "num_train_epochs",
    "max_steps",
    "learning_rate",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "weight_decay",
    "seed",
)
"""Training arguments that a card names."""

_OWN_TEXTS = "texts that are not published"


def base_of(run: FinishedRun) -> BaseModel:
    """Return the model that a run began with, by its public names only."""
    name, origin = str(run.config["model"]), run.report.model
    if name.startswith(PACKAGE_PREFIX):
        package, _, inner = name.removeprefix(PACKAGE_PREFIX).partition("/")
        return BaseModel(origin or f"{inner} of the package {package}")
    if (on_hub := hub_origin(origin)) is not None:
        return BaseModel(f"[{on_hub[0]}](https://huggingface.co/{on_hub[0]})", *on_hub)
    place = folder_origin(origin)
    if place is not None and place.name == MODEL and (place.parent / "run.json").is_file():
        before = read_run(place.parent)
        root = base_of(before)
        return BaseModel(f"the model of an earlier run ({before.task}) on {root.words}", root=root.hub_id or root.root)
    return BaseModel(NOT_ON_HUB)


def run_card(
    run: FinishedRun,
    repo_id: str,
    *,
    adapter: bool,
    both: bool = False,
    license_name: str | None = None,
    language: Sequence[str] = (),
) -> Card:
    """Return the card of a run's model, or of its `adapter` alone, or of `both`."""
    base, wording = base_of(run), TASKS[run.task].wording
    methods = " and ".join(f"`{method['name']}`" for method in run.config["methods"])
    single = {domain: corpora[0] for domain, corpora in _corpora(run.config).items() if len(corpora) == 1}
    return Card(
        repo_id=repo_id,
        pipeline_tag=wording.pipeline_tag,
        base=base,
        adapter=adapter,
        summary=f"{base.words}, trained by {methods} for the task `{run.task}`, with nlp-transfer.",
        use=_adapter_use(run, repo_id, base) if adapter else wording.hub_usage.format(model=repo_id),
        intended=_intended(run),
        transfer=list(_transfer(run, base)),
        scores="\n".join(_scores(run)),
        results=run.report.metrics,
        datasets={name: (one["hub"], one.get("name") or "default") for name, one in single.items() if one.get("hub")},
        builtin={name: one["builtin"] for name, one in single.items() if one.get("builtin")},
        limits=list(_limits(run)),
        cost=list(run.report.cost.lines()) if "training" in run.config else (),
        versions=run.record.get("versions", {}),
        license=license_name,
        language=language,
        tags=[run.task.replace("_", "-"), *(method["name"].replace("_", "-") for method in run.config["methods"])],
        also=_also(run, repo_id, base) if both else "",
    )


def recipe(config: Mapping[str, Any]) -> str:
    """Return a run's training arguments, defaults included; only the seed if it trained no network."""
    defaults = {one.name: one.default for one in dataclasses.fields(TransferArguments)}
    used = {key: config["training"].get(key, defaults[key]) for key in RECIPE}
    if not _trains(config):
        used = {"seed": used["seed"]}
    elif used["max_steps"] > 0:
        del used["num_train_epochs"]  # the steps decide
    else:
        del used["max_steps"]
    return _settings(used, "training", config)


def _trains(config: Mapping[str, Any]) -> bool:
    """Return True if a run trained a network, False if it only fitted a head to frozen features."""
    return all(METHODS[method["name"]].trains for method in config["methods"])


def _settings(values: Mapping[str, Any], path: str, config: Mapping[str, Any]) -> str:
    """Describe settings; one that the run chose by its candidates."""
    search = config.get("search") or {}
    shown = []
    for key, value in values.items():
        if candidates := search.get(f"{path}.{key}"):
            shown.append(f"{key} chosen of {_shown(candidates)}")
        elif value not in (None, [], {}):
            shown.append(f"{key} {_shown(value)}")
    return ", ".join(shown)


def _shown(value: Any) -> str:
    """Return the text of a setting's value."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_shown(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return " / ".join(map(_shown, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else escape_markdown(str(value))


def _adapter_use(run: FinishedRun, repo_id: str, base: BaseModel, subfolder: str = "") -> str:
    if not TASKS[run.task].auto_class:
        raise PublishError(
            "--what: the adapter of a summariser fits the network that its run put together, which nobody else has. "
            "Push the model, which holds it merged."
        )
    return adapter_use(
        repo_id,
        base,
        TASKS[run.task].auto_class,
        TASKS[run.task].output_names(_labels(run)),
        multi_label=bool(run.report.thresholds),
        names_in=f"{METRICS_FILE}, under per_class",
        subfolder=subfolder,
    )


def _also(run: FinishedRun, repo_id: str, base: BaseModel) -> str:
    """Return the card's text on the adapter next to the model."""
    text = f"The folder `{ADAPTER}/` holds the adapter alone; the model above holds it merged, and does not need it."
    if not TASKS[run.task].auto_class:
        return f"{text} It fits the network that its run put together, which nobody else has."
    use = _adapter_use(run, repo_id, base, subfolder=ADAPTER)
    return f"{text} It is loaded onto its base model:\n\n```python\n{use}\n```"


def _intended(run: FinishedRun) -> str:
    labels, wording = _labels(run), TASKS[run.task].wording
    named = ", ".join(f"`{escape_markdown(label)}`" for label in labels[:MAX_CLASSES])
    more = f" and {len(labels) - MAX_CLASSES} more" if len(labels) > MAX_CLASSES else ""
    classes = f"{len(labels)} class{'es' * (len(labels) != 1)}: {named}{more}"
    return f"{wording.purpose.replace('{classes}', classes)} {wording.not_for}"


def _transfer(run: FinishedRun, base: BaseModel) -> Iterator[str]:
    yield f"**Encoder**: {base.words}" + (f", at revision `{base.revision}`." if base.revision else ".")
    for domain, corpora in _corpora(run.config).items():
        facts = run.report.corpora.get(domain)
        text = f"**{domain.capitalize()}**: {', and '.join(map(_corpus_words, corpora))}"
        rows = f"; rows: {facts.row_counts()}; fingerprint `{facts.fingerprint[:12]}`" if facts and facts.rows else ""
        yield f"{text}{rows}."
    for method in run.config["methods"]:
        origin = METHODS[method["name"]].citation
        given = {key: value for key, value in method.items() if key != "name"}
        values = _settings(given, f"methods.{method['name']}", run.config)
        yield f"**Method** `{method['name']}`{f' ({values})' if values else ''}" + (f": {origin}." if origin else ".")
    if TASKS[run.task].citation:
        yield f"**Task** `{run.task}`: {TASKS[run.task].citation}."
    if "training" in run.config:  # a soup has no recipe of its own
        fitted = "" if _trains(run.config) else "no network was trained, a head was fitted to the frozen encoder; "
        yield f"**Recipe**: {fitted}{recipe(run.config)}."
    if search := run.report.search:
        score = f"{search.metric} {search.scores[search.chosen]:.4f}"
        yield f"**Chosen** by the run: {escape_markdown(f'{search.chosen} ({score})')}."


def _scores(run: FinishedRun) -> Iterator[str]:
    task, report = TASKS[run.task], run.report
    for domain, splits in report.metrics.items():
        for split, scores in splits.items():
            systems = report.systems(domain, split)
            details = [block for block in task.details({MODEL: scores}) if isinstance(block, Table)]
            yield f"### {domain}, {split} ({scores['rows']:,} rows)\n"
            yield from map(to_markdown, result_tables(systems, "", task.scored_rows))
            yield from (to_markdown(table) for table in details if table.in_terminal)
    if any(report.metrics.values()):
        yield f"{task.wording.legend} `metrics.json` has all numbers."


def _limits(run: FinishedRun) -> Iterator[str]:
    record = saved_record(run.folder / MODEL)
    yield "The scores are of the rows named above; on others, of another kind, language or time, it was not tried."
    if "max_length" in record:
        windows = "are read in windows of" if {"overlap", "window_overlap"} & set(record) else "are cut at"
        yield f"Texts {windows} {record['max_length']:,} tokens."
        if record.get("long_documents") == "windows":
            most = f", at most {record['max_windows']} of a document" if record.get("max_windows") else ""
            ours = "`pipeline` after `nlp_transfer.register_pipelines()`"
            yield f"`nlp_transfer.load` and {ours} read all windows{most}; a plain one reads the first tokens only."
    parts = {"thresholds": "thresholds by label", "accept_from": "abstention", "set_levels": "sets", "costs": "costs"}
    if decided := [word for name, word in parts.items() if name in record and record[name] != {}]:
        yield f"Its decision ({', '.join(decided)}) is in `config.json`; `nlp_transfer.load` applies it."
    task = TASKS[run.task]
    metric = METRICS[task.primary_metric]
    for domain, splits in run.report.metrics.items():
        for split, scores in splits.items():
            better = {
                name: one[domain][split][metric.name]
                for name, one in run.report.baselines.items()
                if name != task.ceiling and metric.better(one.get(domain, {}).get(split, {}), scores)
            }
            if better:
                best = max(better, key=lambda name: better[name] if metric.greater_is_better else -better[name])
                value = metric.format(better[best])
                yield f"On {domain} {split} the baseline {best} has a better {metric.title} ({value})."
    if run.config["task"].get("num_new_tokens"):
        yield "Its vocabulary was enlarged by frequent words of the texts it learned from."
    yield "Weights can hold traces of what they were trained on."


def _corpora(config: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the corpora's sections by domain."""
    source = config.get("source")
    found = {"source": source if isinstance(source, list) else [source]} if source else {}
    return {**found, "target": [config["target"]]} if config.get("target") else found


def _corpus_words(corpus: Mapping[str, Any]) -> str:
    if corpus.get("hub"):
        details = [corpus["name"]] if corpus.get("name") else []
        details += [f"revision {corpus['revision']}"] if corpus.get("revision") else []
        name = f"[{corpus['hub']}](https://huggingface.co/datasets/{corpus['hub']})"
        return f"{name} ({', '.join(details)})" if details else name
    return f"the corpus `{corpus['builtin']}` of nlp-transfer" if corpus.get("builtin") else _OWN_TEXTS


def _labels(run: FinishedRun) -> list[str]:
    """Return the classes in the order of their ids; empty for a task without."""
    for splits in run.report.metrics.values():
        for scores in splits.values():
            if "per_class" in scores:
                return list(scores["per_class"])
    return []
