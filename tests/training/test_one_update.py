"""One update is one update: on one process, with accumulation, on two processes, and with both."""

from pathlib import Path

import numpy as np
import pytest

from tests.launching import launched
from tests.training.one_update import EVALUATED, cases

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("one_update.py")
CASES = [name for name, _ in cases()]
SETUPS = {"4-step accumulation": ("1", 4), "2 processes": ("2", 1), "2 processes x 2 steps": ("2", 2)}


@pytest.fixture(scope="module")
def updates(tmp_path_factory):
    """The recorded updates by number of processes."""
    out = tmp_path_factory.mktemp("updates")
    recorded = {}
    for processes in (1, 2):
        done = launched(SCRIPT, out, processes=processes, seconds=900, environment={"HF_HUB_OFFLINE": "1"})
        assert done.returncode == 0, done.stderr[-3000:]
        recorded[str(processes)] = dict(np.load(out / f"{processes}.npz"))
    return recorded


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("setup", SETUPS)
def test_an_update_is_the_same_however_it_is_split(updates, case, setup):
    world, steps = SETUPS[setup]
    expected = updates["1"][f"update/{case}/1"]
    found = updates[world][f"update/{case}/{steps}"]
    assert np.linalg.norm(expected) > 1e-3
    assert np.linalg.norm(found - expected) <= 1e-6 * np.linalg.norm(expected)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("setup", SETUPS)
def test_the_logged_loss_and_gradient_norm_are_the_same_too(updates, case, setup):
    world, steps = SETUPS[setup]
    np.testing.assert_allclose(updates[world][f"logged/{case}/{steps}"], updates["1"][f"logged/{case}/1"], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("size", EVALUATED)
def test_two_processes_score_every_row_once(updates, size):
    np.testing.assert_allclose(updates["2"][f"evaluate/{size}"], updates["1"][f"evaluate/{size}"], rtol=1e-9)
    one, two = updates["1"][f"predict/{size}"], updates["2"][f"predict/{size}"]
    assert one.shape == two.shape == (size, 3)
    np.testing.assert_allclose(two, one, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("size", EVALUATED)
def test_two_processes_find_the_loss_of_every_target_token(updates, size):
    np.testing.assert_allclose(updates["2"][f"written/{size}"], updates["1"][f"written/{size}"], rtol=1e-9)


@pytest.mark.slow
def test_each_process_draws_random_numbers_of_its_own(updates):
    """Else row i of every process has the same dropout mask."""
    assert len(updates["2"]["drawn"]) == 2
    assert updates["2"]["drawn"][0] != updates["2"]["drawn"][1]
