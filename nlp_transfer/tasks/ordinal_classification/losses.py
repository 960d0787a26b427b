"""The loss of classes with an order, which counts how far a prediction is off.

    L(p, y) = 1/2 [ -log p_y  -  sum over k = 1 … K - 1 of log P(true side of k) ],    P(y < k) = sum over j < k of p_j

The second part is the cross-entropy of the K - 1 questions whether a class is at least k (Niu et al., 2016,
https://openaccess.thecvf.com/content_cvpr_2016/html/Niu_Ordinal_Regression_With_CVPR_2016_paper.html), answered by the
cumulative probabilities of one softmax, so that the answers never contradict one another and the network stays a plain
classifier.
"""

import torch
from torch import Tensor
from torch.nn import functional


def ordinal_loss(logits: Tensor, labels: Tensor, *, class_weights: Tensor | None = None) -> Tensor:
    """Return the loss of each row.

    Args:
        logits: shape (rows, classes), the lowest class first; losses of float64 logits are float64.
        labels: class ids, shape (rows,).
        class_weights: weight of the rows of each class, shape (classes,).

    Example:
        >>> near, far = ordinal_loss(torch.tensor([[0.0, 9.0, 0.0], [0.0, 0.0, 9.0]]), torch.tensor([0, 0]))
        >>> bool(near < far)
        True
    """
    logs = functional.log_softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)), dim=-1)
    below = logs.logcumsumexp(dim=-1)[:, :-1]
    above = logs.flip(-1).logcumsumexp(dim=-1).flip(-1)[:, 1:]
    thresholds = torch.arange(logits.shape[1] - 1, device=labels.device)
    sides = torch.where(thresholds < labels[:, None], above, below).sum(dim=-1)
    losses = -(logs.gather(1, labels[:, None]).squeeze(1) + sides) / 2
    return losses if class_weights is None else losses * class_weights.to(losses)[labels]
