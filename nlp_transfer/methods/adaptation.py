"""Checks that methods for a target domain share."""

import math


def weight_problems(method: str, weight: float) -> list[str]:
    """The problems with a term's weight, worded for the method's config."""
    if 0 <= weight < math.inf:
        return []
    return [f"{method}.weight is {weight}; expected 0 or more."]


def adversary_problems(method: str, weight: float, gamma: float, hidden: int, learning_rate: float) -> list[str]:
    """The problems with an adversarial method's settings, worded for its config."""
    problems = weight_problems(method, weight)
    if not 0 < gamma < math.inf:
        problems.append(f"{method}.gamma is {gamma}; expected more than 0 (10 reaches half strength at a tenth).")
    if hidden < 1:
        problems.append(f"{method}.hidden_size is {hidden}; expected 1 or more.")
    if not 0 < learning_rate < math.inf:
        problems.append(f"{method}.learning_rate is {learning_rate}; expected more than 0.")
    return problems
