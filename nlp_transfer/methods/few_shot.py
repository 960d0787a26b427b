"""Few-shot choice: compare methods for few labels by cross-validation, then train one of them on all rows.

Each method is trained on all folds but one and scored on that one; the best score is taken, the first of equal ones.
The report has each lead with its interval: on few rows a small one is chance more often than not.
Reference: Perez et al. (2021), True few-shot learning with language models, https://arxiv.org/abs/2105.11447
"""

import copy
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np

from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.methods.base import Change, Method, Needs
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.contrastive import Contrastive
from nlp_transfer.methods.frozen_encoder import FrozenEncoder
from nlp_transfer.methods.held_out import fixed_rows, folds
from nlp_transfer.methods.prototypes import Prototypes
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor, nn
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

CANDIDATES: dict[str, Method] = {
    "contrastive": Contrastive(),
    "frozen_encoder": FrozenEncoder(),
    "prototypes": Prototypes(),
    "contrastive_lora": Contrastive(lora_r=16),
}
"""The methods to choose among; of equal scores the first is taken."""

SAMPLES = 500
"""Number of bootstrap samples of the rows."""


@final
@dataclass(frozen=True)
class FewShot(Method):
    """Choose a method for few labels by cross-validation, and train it on all rows.

    It costs as many trainings of each candidate as there are folds, and one more. With validation rows, candidates are
    trained once and scored on these.

    Args:
        candidates: the methods to choose among, with their default settings; `contrastive_lora` trains adapters of
            rank 16.
        repeats: number of random divisions into folds, where there are no validation rows.

    Example:
        >>> data = {"train_dataset": rows, "eval_dataset": validation_rows}
        >>> methods = [FewShot(candidates=["prototypes", "frozen_encoder"])]
        >>> TransferTrainer(model, arguments, **data, methods=methods).context.facts["few_shot"]["chosen"]
        'prototypes'
    """

    name: ClassVar[str] = "few_shot"
    citation: ClassVar[str] = (
        "Perez et al. (2021), True few-shot learning with language models, https://arxiv.org/abs/2105.11447"
    )
    needs: ClassVar[Needs] = Needs(outputs=frozenset({Output.TOKENS, Output.LOGITS, Output.ROW_LOSS}))
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TRAINABLE_WEIGHTS})
    trains: ClassVar[bool] = False

    candidates: list[Literal["contrastive", "frozen_encoder", "prototypes", "contrastive_lora"]] = field(
        default_factory=lambda: ["contrastive", "frozen_encoder", "prototypes"]
    )
    repeats: int = 1

    def __post_init__(self) -> None:
        unknown = [one for one in self.candidates if one not in CANDIDATES]
        problems = [f"few_shot.candidates: {did_you_mean('method', one, CANDIDATES)}" for one in unknown]
        if len(set(self.candidates)) < max(2, len(self.candidates)):
            problems.append(f"few_shot.candidates is {self.candidates}; expected two or more methods, each once.")
        if problems:
            raise ConfigError(problems)
        self.check_values(repeats=(self.repeats >= 1, "1 or more"))

    def check(self, model: "PreTrainedModel") -> None:
        """Check that each candidate can train the model."""
        for name in self.candidates:
            CANDIDATES[name].check(model)

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Compare the candidates, and train the chosen one."""
        import torch
        from accelerate.utils import broadcast_object_list

        from nlp_transfer.models.activation_cache.features import collated_labels

        logits: dict[str, list[Tensor]] = {name: [] for name in self.candidates}
        truth = []
        divisions = list(self._divisions(context))
        for number, (train, held_out) in enumerate(divisions, 1):
            truth.append(collated_labels(held_out, context.collate))
            for name in self.candidates:
                log.info("few_shot: %s on %d rows, %d of %d.", name, len(train), number, len(divisions))
                logits[name].append(_held_out_logits(CANDIDATES[name], model, train, held_out, context))
        outside = {name: torch.cat(parts) for name, parts in logits.items()}
        facts = broadcast_object_list([self._compare(outside, torch.cat(truth), context)])[0]
        context.facts[self.name] = facts
        return CANDIDATES[facts["chosen"]].prepare(model, context)

    def _divisions(self, context: Context) -> "Iterator[tuple[Dataset, Dataset]]":
        """Yield training rows and the rows that are held out: validation or, without any, each fold in turn."""
        from nlp_transfer.models.activation_cache.features import collated_labels

        if len(context.validation):
            yield context.train, context.validation
            return
        labels = collated_labels(context.train, context.collate).numpy()
        for number in range(self.repeats):
            fold = folds(labels, context.seed + number, fixed_rows(context.train))
            for one in np.unique(fold[fold >= 0]):
                yield (
                    context.train.select(np.flatnonzero(fold != one)),
                    context.train.select(np.flatnonzero(fold == one)),
                )

    def _compare(self, logits: "dict[str, Tensor]", truth: "Tensor", context: Context) -> dict[str, Any]:
        """Return the chosen method, each score, and its leads over the others with their intervals."""
        import torch

        from nlp_transfer.metrics.bootstrap import percentile_interval

        scores = {name: float(context.score(made, truth)) for name, made in logits.items()}
        chosen = max(scores, key=scores.__getitem__)
        rng = np.random.default_rng(context.seed)
        draws = [torch.from_numpy(rng.integers(len(truth), size=len(truth))) for _ in range(SAMPLES)]
        sampled = {
            name: np.array([context.score(made[rows], truth[rows]) for rows in draws]) for name, made in logits.items()
        }
        leads = {name: percentile_interval(sampled[chosen] - sampled[name]) for name in scores if name != chosen}
        rows = len(context.validation)
        return {
            "chosen": chosen,
            "scored_on": f"{rows} validation rows" if rows else "rows that are held out, by cross-validation",
            "scores": scores,
            "lead": {
                f"over {name}": f"{scores[chosen] - scores[name]:+.3f} (95 % {low:+.3f} to {high:+.3f})"
                for name, (low, high) in leads.items()
            },
        }


def _held_out_logits(
    method: Method, model: "PreTrainedModel", train: "Dataset", held_out: "Dataset", context: Context
) -> "Tensor":
    """Return the logits of rows by a copy of the model that a method has trained on others."""
    import torch

    from nlp_transfer.models.activation_cache.features import run_batches

    own = replace(context, train=train, validation=held_out.select([]), facts={}, activations=None, folder=None)
    trained: Any = method.prepare(copy.deepcopy(model), own)
    parts = [
        (rows, output.logits.float().cpu())
        for rows, _, output in run_batches(trained, held_out, context.collate, context.batch_tokens)
    ]
    order = torch.tensor([row for rows, _ in parts for row in rows]).argsort()
    return torch.cat([logits for _, logits in parts])[order]
