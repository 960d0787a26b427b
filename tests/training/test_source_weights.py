"""Several source domains: their shares of an epoch, what discriminators see, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import CDAN, DANN, MMD, FullFineTuning
from nlp_transfer.methods.alignment import Features
from nlp_transfer.training.extensions.domain_adaptation import DomainAdaptation
from nlp_transfer.training.source_weights import SourceDraws, sources_of
from tests.tiny_models import collate, random_rows, tiny_model
from tests.training.extensions.test_domain_adaptation import TARGET, trainer

NAMES = ["books", "films", "music"]


def with_domains(rows: Dataset, domains: list[int], names: list[str] = NAMES) -> Dataset:
    return rows.add_column("domain", domains).cast_column("domain", ClassLabel(names=names))


TRAIN = with_domains(random_rows(12, seed=1), [0] * 6 + [1] * 2 + [2] * 4)


def drawn(run: Any, epoch: int) -> np.ndarray:
    """How many rows of each domain an epoch has."""
    sampler = run._get_train_sampler()
    sampler.set_epoch(epoch)
    return np.bincount(np.asarray(TRAIN["domain"])[list(sampler)], minlength=3)


# ---- draws ----


def test_shares_become_whole_rows_that_sum_to_all() -> None:
    domains = np.array([0] * 5 + [1] * 6)
    draws = SourceDraws(domains, np.array([0.5, 0.5]), seed=0)
    assert draws.counts == [6, 5]
    assert [len(draws(epoch)) for epoch in range(4)] == [11] * 4


def test_a_domain_with_more_rows_than_its_share_shows_all_of_them_in_turn() -> None:
    domains = np.array([0] * 8 + [1] * 2)
    draws = SourceDraws(domains, np.array([0.4, 0.6]), seed=3)
    first, second = draws(0), draws(1)
    assert sorted(np.concatenate([first[:4], second[:4]])) == list(range(8))
    assert np.bincount(first[4:], minlength=10)[8:].tolist() == [3, 3]
    assert draws(1).tolist() == second.tolist()
    assert SourceDraws(domains, np.array([0.4, 0.6]), seed=4)(0).tolist() != first.tolist()


def test_a_domain_without_a_share_is_left_out() -> None:
    domains = np.array([0, 0, 1, 1])
    assert set(SourceDraws(domains, np.array([1.0, 0.0]), seed=0)(0)) == {0, 1}


@pytest.mark.parametrize(("weights", "expected"), [("equal", [4, 0, 4]), ([3, 5, 1], [6, 0, 2])])
def test_a_domain_without_rows_has_no_share(tmp_path: Path, weights, expected) -> None:
    rows = TRAIN.select([0, 1, 2, 3, 8, 9, 10, 11])
    run = trainer(tmp_path, [], train_dataset=rows, target_dataset=None, source_weights=weights)
    assert np.bincount(np.asarray(rows["domain"])[list(run._get_train_sampler())], minlength=3).tolist() == expected
    with pytest.raises(ConfigError, match=r"leaves no training row: the sources with rows are books, music"):
        trainer(tmp_path, [], train_dataset=rows, target_dataset=None, source_weights=[0, 1, 0])


def test_distance_looks_at_the_rows_that_are_there(tmp_path: Path) -> None:
    """An estimate trains on some of the rows: shares are those of what is trained on."""
    run = trainer(tmp_path, [DANN()], train_dataset=TRAIN, source_weights="distance")
    run.train_dataset = TRAIN.select([0, 1, 2, 8, 9])
    assert len(list(run._get_train_sampler())) == 5


@pytest.mark.parametrize("strategy", ["random", "group_by_length"])
@pytest.mark.parametrize(("weights", "expected"), [("size", [6, 2, 4]), ("equal", [4, 4, 4]), ([1, 0, 2], [4, 0, 8])])
def test_an_epoch_has_the_rows_that_the_weights_say(tmp_path: Path, strategy, weights, expected) -> None:
    run = trainer(tmp_path, [], train_dataset=TRAIN, target_dataset=None, source_weights=weights,
                  train_sampling_strategy=strategy)  # fmt: skip
    if weights == "size" and strategy == "random":
        assert sorted(run._get_train_sampler()) == list(range(12))
    else:
        assert drawn(run, 1).tolist() == expected


def test_training_shows_the_drawn_rows(tmp_path: Path) -> None:
    run = trainer(tmp_path, [], train_dataset=TRAIN, target_dataset=None, source_weights=[0, 0, 1])
    domains = {tuple(row["input_ids"]): row["domain"] for row in TRAIN}
    seen: list[list[int]] = []
    step = run.training_step

    def watched(model: Any, inputs: Any, *rest: Any) -> Any:
        assert set(inputs) == {"input_ids", "attention_mask", "labels"}
        texts = zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
        seen.append([domains[tuple(ids[mask.bool()].tolist())] for ids, mask in texts])
        return step(model, inputs, *rest)

    run.training_step = watched  # type: ignore[method-assign]
    run.train()
    assert seen == [[2] * 4] * 4


def test_distance_follows_the_targets_texts(tmp_path: Path) -> None:
    """The target's texts are those of the third domain, so that it gets the largest share."""
    target = TRAIN.select(range(8, 12)).select_columns(["input_ids", "attention_mask"])
    run = trainer(tmp_path, [DANN()], train_dataset=TRAIN, target_dataset=target, source_weights="distance")
    counts = drawn(run, 0)
    assert counts.argmax() == 2
    assert run.context is not None
    assert run.summary()["rows of each source"]["music"].startswith("4 training rows, 0.")


# ---- several domains in the methods' terms ----


def test_every_source_is_a_domain_of_its_own(tmp_path: Path) -> None:
    seen: list[Features] = []

    run = trainer(tmp_path, [DANN(), CDAN()], train_dataset=TRAIN, seed=5)
    assert run.networks is not None
    assert [run.networks[name](torch.zeros(2, 32), *rest).shape for name, rest in
            (("dann", ()), ("cdan", (torch.full((2, 3), 1 / 3),)))] == [(2, 4), (2, 4)]  # fmt: skip
    adaptation = run.extension(DomainAdaptation)
    side = adaptation.source_side
    adaptation.source_side = lambda rows, chosen: seen.append(side(rows, chosen)) or seen[-1]  # type: ignore[method-assign,func-returns-value]
    run.train()
    assert seen[0].domains is not None
    assert set(torch.cat([one.domains for one in seen if one.domains is not None]).tolist()) == {0, 1, 2}
    logged = next(entry for entry in run.state.log_history if "dann_loss" in entry)
    assert logged["dann_loss"] == pytest.approx(np.log(4), abs=0.35)  # nothing is told apart yet


def test_one_source_is_told_from_the_target_alone(tmp_path: Path) -> None:
    rows = with_domains(random_rows(12, seed=1), [0] * 12, ["books"])
    run = trainer(tmp_path, [DANN()], train_dataset=rows)
    assert run.networks is not None
    assert run.networks["dann"](torch.zeros(2, 32)).shape == (2,)


def test_methods_that_ask_for_no_domain_train_as_with_one_source(tmp_path: Path) -> None:
    losses = [
        trainer(tmp_path, [FullFineTuning(), MMD()], train_dataset=rows).train().training_loss
        for rows in (TRAIN, TRAIN.remove_columns("domain"))
    ]
    assert losses[0] == losses[1]


# ---- what is refused ----


def test_weights_that_do_not_go_with_the_rows(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"source_weights is equal, and the training rows are of one source\. Leave"):
        trainer(tmp_path, [], target_dataset=None, source_weights="equal")
    with pytest.raises(ConfigError, match=r"source_weights has 2 numbers, and there are 3 sources: books, films, mus"):
        trainer(tmp_path, [], train_dataset=TRAIN, target_dataset=None, source_weights=[1, 2])
    with pytest.raises(ConfigError, match=r"draws rows at random, and train_sampling_strategy is sequential"):
        trainer(tmp_path, [], train_dataset=TRAIN, target_dataset=None, source_weights="equal",
                train_sampling_strategy="sequential")  # fmt: skip
    with pytest.raises(ConfigError, match=r"target_dataset is missing: source_weights: distance needs text of the tar"):
        trainer(tmp_path, [], train_dataset=TRAIN, target_dataset=None, source_weights="distance")
    with pytest.raises(ConfigError, match=r"^dann cannot be used here: remove_unused_columns is off, and the rows'"):
        trainer(tmp_path, [DANN()], train_dataset=TRAIN, remove_unused_columns=False).train()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("distnace", r"training\.source_weights: Unknown value 'distnace'\. Did you mean 'distance'\?"),
        ([0, 0], r"training\.source_weights is \[0, 0\]; expected numbers of 0 or more, not all of them 0"),
        ([1, -1], r"training\.source_weights is \[1, -1\]; expected numbers of 0 or more"),
    ],
)
def test_values_that_are_no_weights(tmp_path: Path, weights: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TransferArguments(output_dir=str(tmp_path), source_weights=weights)


def test_a_domain_that_is_no_class_id() -> None:
    rows = random_rows(3).add_column("domain", ["a", "b", "a"])
    with pytest.raises(ConfigError, match=r"expected a ClassLabel: train_dataset\.class_encode_column\('domain'\)"):
        sources_of(rows)
    assert sources_of(random_rows(3)) is None
    assert TARGET.column_names and sources_of(TARGET) is None


def test_a_column_domain_of_strings_is_left_alone_where_nothing_uses_it(tmp_path: Path) -> None:
    rows = random_rows(6).add_column("domain", ["a", "b"] * 3)
    values: dict[str, Any] = {"use_cpu": True, "max_steps": 1, "report_to": "none", "disable_tqdm": True}
    made = TransferTrainer(tiny_model("bert"), TransferArguments(str(tmp_path), **values), collate, train_dataset=rows)
    assert made.train().global_step == 1
    weighing = TransferArguments(str(tmp_path), source_weights="equal", **values)
    with pytest.raises(ConfigError, match=r"expected a ClassLabel: train_dataset\.class_encode_column\('domain'\)"):
        TransferTrainer(tiny_model("bert"), weighing, collate, train_dataset=rows)
