"""The plans that `recommend` compares. A new one is one line here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nlp_transfer.config.experiment import Experiment, load_config
from nlp_transfer.config.run_defaults import HEAD_LEARNING_RATE, run_defaults
from nlp_transfer.data.corpus import Corpus, CorpusConfig
from nlp_transfer.methods import METHODS
from nlp_transfer.methods.alignment import active_methods

GIVEN = "as configured"
"""Name of the plan that the configuration names itself."""

FEW_ROWS = 2000
"""Number of training rows up to which contrastive training is tried: it is for few labels."""

CUT = 0.1
"""Share of the training tokens that truncation leaves out, from which reading in windows is tried."""

WINDOWS = {"task.long_documents": "windows"}

FROZEN = {"name": "frozen_encoder"}
"""The quickest method, whose plans come before the configuration's own."""


def text_baseline(config: Experiment) -> str:
    """Return the baseline on TF-IDF that plans are compared with."""
    return next(name for name in reversed(config.task.baseline_names) if name.startswith("tfidf"))


@dataclass(frozen=True)
class Plan:
    """A way to train: a method, and values by path.

    Args:
        few_rows: it is for few labels.
        windows: it reads whole documents.
    """

    name: str
    method: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    few_rows: bool = False
    windows: bool = False

    @property
    def trains(self) -> bool:
        """Return True if it trains by gradient, in epochs that can be fewer."""
        return METHODS[self.method["name"]].trains


PLANS: tuple[Plan, ...] = (
    Plan("frozen_encoder", FROZEN),
    Plan("frozen_encoder, windows", FROZEN, WINDOWS, windows=True),
    Plan(
        "full_fine_tuning, 1e-4",
        {"name": "full_fine_tuning", "head_learning_rate": HEAD_LEARNING_RATE},
        {"training.learning_rate": 1e-4},
    ),
    Plan("contrastive", {"name": "contrastive"}, few_rows=True),
    Plan("full_fine_tuning", {"name": "full_fine_tuning"}),
    Plan("lora", {"name": "lora"}),
    Plan("partial_fine_tuning", {"name": "partial_fine_tuning"}),
    Plan("full_fine_tuning, windows", {"name": "full_fine_tuning"}, WINDOWS, windows=True),
)
"""The plans, the likeliest first: where time is short, the last are not tried."""


def experiments(config: Experiment, corpus: Corpus, read: float) -> dict[str, Experiment]:
    """Return the experiment of each plan that suits a corpus, without test rows and target.

    The first one has a baseline, which all are compared with.

    Args:
        corpus: the source.
        read: share of the training tokens that the configuration reads.
    """
    splits = corpus.splits
    windowed = getattr(config.task, "long_documents", None) == "windows"
    made = {
        plan.name: with_plan(config, plan)
        for plan in PLANS
        if not (plan.few_rows and len(splits["train"]) > FEW_ROWS)
        and not (plan.windows and (windowed or read > 1 - CUT))
    }
    if not adapts(config) and all(_chosen(config) != _chosen(one) for one in made.values()):
        frozen = {plan.name: made.pop(plan.name) for plan in PLANS if plan.method == FROZEN and plan.name in made}
        made = {**frozen, GIVEN: config, **made}
    held = CorpusConfig(data={name: splits[name] for name in ("train", "validation")})
    plain: dict[str, Any] = {"source_only_baseline": False, "baselines": (), "prior_correction": False, "target": None}
    found = {name: replace(one, source=held, **plain) for name, one in made.items()}
    first = next(name for name, plan in found.items() if not plan.methods[0].trains)
    return {**found, first: replace(found[first], baselines=(text_baseline(config),))}


def adapts(config: Experiment) -> bool:
    """Return True if the configuration's methods learn from the target, which plans do not."""
    return bool(active_methods(config.methods))


def with_plan(config: Experiment, plan: Plan) -> Experiment:
    """Return the experiment with a plan in place of its methods, learning rate and selection on the target."""
    defaults = run_defaults({}, config.methods, config.task)
    training = {
        name: value
        for name, value in config.training.given().items()
        if value != defaults.get(name) and name != "learning_rate" and not str(value).startswith("target_")
    }
    tree = config.record() | {"source": list(config.sources), "target": config.target}
    tree |= {"methods": [dict(plan.method)], "training": {"output_dir": config.training.output_dir, **training}}
    return load_config(tree=tree, overrides=list(plan.values.items()))


def _chosen(config: Experiment) -> tuple[Any, ...]:
    return config.task, config.methods, config.training.learning_rate
