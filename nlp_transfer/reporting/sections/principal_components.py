"""Draw the features of source and target texts in the plane of their two largest principal components."""

import numpy as np

from nlp_transfer.models.outputs import Output
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.blocks import Figure, Section
from nlp_transfer.tasks.charts import Points
from nlp_transfer.training.extensions.checkpoint_selection import evenly_spaced_rows

MAX_ROWS = 500
"""Maximum number of texts of a domain: each is read by the model once more."""


def principal_components(run: RunContext) -> Section | None:
    """Return the section with source and target in two PCA axes; None without rows of both, or of a sharded model."""
    trainer = run.trainer
    if not (run.scored["source"] and "target" in run.scored) or Output.POOLED not in run.experiment.task.provides:
        return None
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        return None
    features = {}
    for domain, splits in run.scored.items():
        split = "test" if "test" in splits else next(iter(splits))
        rows = evenly_spaced_rows(run.rows[domain][split], MAX_ROWS)
        features[f"{domain} {split}"] = trainer.features_of(rows, labelled=False).pooled.cpu().numpy()
    if min(map(len, features.values())) < 2:
        return None
    return Section("Source and target", (pca_figure(features),))


def pca_figure(features: dict[str, np.ndarray]) -> Figure:
    """Return the figure of features in two axes of a PCA of all of them.

    Args:
        features: of each group, shape (rows, hidden).
    """
    from sklearn.decomposition import PCA

    pca = PCA(n_components=2, random_state=0).fit(np.concatenate(list(features.values())).astype(np.float64))
    first, second = pca.explained_variance_ratio_
    groups = {name: pca.transform(rows).round(4).tolist() for name, rows in features.items()}
    counts = ", ".join(f"{len(rows):,} of {name}" for name, rows in features.items())
    return Figure(
        Points(f"axis 1 ({first:.0%} of the variance)", f"axis 2 ({second:.0%})", groups),
        f"Pooled features of source and target in two PCA axes, which hold {first + second:.0%} of the variance",
        f"Pooled features of texts ({counts}) in two axes of a PCA of both; a text is a point.",
    )
