r"""Classification losses, one value a row.

    cross-entropy     CE(p, y) = -log p_y
    focal             FL(p, y) = -(1 - p_y)^γ log p_y        Lin et al. (2017), https://arxiv.org/abs/1708.02002
    label smoothing   CE against (1 - ε) onehot(y) + ε / K   Szegedy et al. (2016), https://arxiv.org/abs/1512.00567
    class weights     w_y · CE(p, y)

Multi-label rows have K independent yes/no decisions; their loss is the mean of the K binary ones, a weight multiplies
the "yes" term, and smoothing moves the targets to (1 - ε) y + ε / 2.
"""

import torch
from torch import Tensor
from torch.nn import functional


def single_label_loss(
    logits: Tensor,
    labels: Tensor,
    *,
    class_weights: Tensor | None = None,
    focal_gamma: float = 0.0,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy of each row; logits have the shape (batch, classes), labels (batch,)."""
    log_p = functional.log_softmax(logits.float(), dim=-1)
    target_log_p = log_p.gather(1, labels[:, None]).squeeze(1)
    losses = -((1 - label_smoothing) * target_log_p + label_smoothing * log_p.mean(dim=-1))
    if focal_gamma:
        losses = losses * (1 - target_log_p.exp()).clamp(min=0) ** focal_gamma
    if class_weights is not None:
        losses = losses * class_weights.to(losses)[labels]
    return losses


def multi_label_loss(
    logits: Tensor,
    labels: Tensor,
    *,
    positive_weights: Tensor | None = None,
    focal_gamma: float = 0.0,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the binary cross-entropy of each row, the mean over labels; logits and labels are of one shape."""
    logits, labels = logits.float(), labels.float()
    targets = labels * (1 - label_smoothing) + label_smoothing / 2
    weights = positive_weights.to(logits) if positive_weights is not None else None
    losses = functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights, reduction="none")
    if focal_gamma:
        p = torch.sigmoid(logits)
        losses = losses * (labels * (1 - p) + (1 - labels) * p) ** focal_gamma
    return losses.mean(dim=-1)
