"""scripts/push.py as a user runs it, against a Hub on loopback: pushed, loaded again, interrupted, refused."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nlp_transfer import run
from nlp_transfer.commands import main
from nlp_transfer.config.command_ending import BAD_INPUT
from nlp_transfer.config.experiment import load_config
from tests.hub_server import HOLD, OWNER, STRANGER, Hub, running
from tests.tiny_runs import ROOT, rows, run_tree, tiny_encoder, write_corpus


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs `lora` and `other`, of other weights."""
    folder = tmp_path_factory.mktemp("runs")
    encoder, corpus = tiny_encoder(folder / "encoder"), write_corpus(folder / "corpus")
    for seed, name in ((3, "lora"), (4, "other")):
        tree = run_tree(encoder, corpus, folder / name, num_train_epochs=1, seed=seed)
        run(load_config(tree={**tree, "methods": [{"name": "lora", "r": 4}]}))
    return folder


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running() as one:
        yield one


def environment(hub: Hub, home: Path, token: str | None = OWNER) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return {
        **kept,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        **({"HF_TOKEN": token} if token else {}),
    }


def python(*words: str, env: dict[str, str], status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == status, done.stderr[-3000:]
    return done


# ---- in this process ----


def test_a_dry_run_lists_each_file_and_sends_nothing(
    loopback_hub: Hub, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(trained / "lora"), "ada/clauses", "--dry_run"]) == 0
    shown = capsys.readouterr().out
    size = (trained / "lora" / "model" / "model.safetensors").stat().st_size
    assert f"model.safetensors      weights                                         {size:,}" in shown
    assert "Stays here: adapter/, baselines.json, checkpoints/," in shown
    assert shown.endswith("The scan lets it pass. Nothing was sent.\n")
    assert loopback_hub.asked == []


def test_a_dry_run_says_what_the_scan_found(
    loopback_hub: Hub, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tmp_path / "card.md"
    assert main(["push", str(trained / "lora"), "ada/clauses", "--write_card", str(card)]) == 0
    assert capsys.readouterr().out == f"The card is in {card}. Edit it, and push it with --card {card}.\n"
    card.write_text(card.read_text() + "\nAsk jane@law.example\n")
    assert main(["push", str(trained / "lora"), "ada/clauses", "--card", str(card), "--dry_run"]) == BAD_INPUT
    shown = capsys.readouterr()
    assert "the card" in shown.out
    assert "PublishError: 2 problems:\n  - README.md, line " in shown.err
    assert "e-mail address: 'jane@law.example' (to let it pass: --allow personal:f5c87037)" in shown.err
    words = [str(trained / "lora"), "ada/clauses", "--card", str(card), "--allow", "personal:f5c87037"]
    assert main(["push", *words, "--dry_run"]) == 0
    assert main(["push", *words]) == 0
    assert capsys.readouterr().out.endswith(
        f"{loopback_hub.url}/ada/clauses\nrevision {loopback_hub.repositories['ada/clauses'].branches['main']}\n"
    )


def test_a_dry_run_says_that_an_adapters_base_is_not_on_the_hub(
    loopback_hub: Hub, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(trained / "lora"), "ada/clauses", "--what", "adapter", "--dry_run"]) == 0
    assert (
        "\nNote: the adapter fits one base model alone, and that is an encoder that is not on the Hub: neither adapter_"
        in capsys.readouterr().out
    )
    assert main(["push", str(trained / "lora"), "ada/clauses", "--dry_run"]) == 0
    assert "Note:" not in capsys.readouterr().out


def test_a_card_is_not_overwritten(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "card.md").write_text("mine")
    assert main(["push", str(trained / "lora"), "a/b", "--write_card", str(tmp_path / "card.md")]) == BAD_INPUT
    assert "card.md cannot be written: File exists. Name a new file." in capsys.readouterr().err
    assert (tmp_path / "card.md").read_text() == "mine"


def test_options_reach_the_push(loopback_hub: Hub, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--public", "--license", "mit", "--language", "en", "de", "--revision", "v1", "--what", "both"]
    assert main(["push", str(trained / "lora"), "lab/clauses", *words, "--skip_overlap_check"]) == 0
    assert not loopback_hub.repositories["lab/clauses"].private
    assert f"{loopback_hub.url}/lab/clauses/tree/v1\nrevision " in capsys.readouterr().out
    files = loopback_hub.files("lab/clauses", "v1")
    assert "adapter/adapter_model.safetensors" in files
    assert b"license: mit\n" in files["README.md"]
    assert b"language:\n- en\n- de\n" in files["README.md"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["none", "a/b"], "CheckpointError: none is empty or not there. Expected the output folder of a finished run."),
        (["{run}", "a b"], "ConfigError: 'a b' can be no repository's name: "),
        (["{run}", "a/b", "--language", "english"], "ConfigError: --language is 'english'; expected a code of two or "),
        (["{run}", "eve/b"], "PublishError: ada has no right to write to eve/b. Owners that this login can write to: "),
    ],
)
def test_what_cannot_be_pushed_is_said_without_a_traceback(
    loopback_hub: Hub, trained: Path, capsys: pytest.CaptureFixture[str], words: list[str], problem: str
) -> None:
    given = [word.replace("{run}", str(trained / "lora")) for word in words]
    dry = [] if given[-1] == "eve/b" else ["--dry_run"]
    assert main(["push", *given, *dry]) == BAD_INPUT
    shown = capsys.readouterr()
    assert shown.err.startswith(problem)
    assert "Traceback" not in shown.err


# ---- as a user ----

LOADED = """
import json, sys
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
from peft import PeftModel
import nlp_transfer

name, encoder, texts, first, second = json.loads(sys.argv[1])

def logits(model, tokenizer):
    batch = tokenizer(texts, padding=True, truncation=True, max_length=32, return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        return model.eval()(**batch).logits.tolist()

def auto(revision=None):
    model = AutoModelForSequenceClassification.from_pretrained(name, revision=revision)
    return logits(model, AutoTokenizer.from_pretrained(name, revision=revision))

loaded = nlp_transfer.load(name)
old = nlp_transfer.load(name, revision=first)
at = nlp_transfer.load(f"{name}@{first}")
base = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=3)
classify = pipeline("text-classification", model=name, truncation=True, top_k=None)
print(json.dumps({
    "auto": auto(),
    "auto, first": auto(first),
    "auto, second": auto(second),
    "load": logits(loaded.model, loaded.tokenizer),
    "load, first": logits(old.model, old.tokenizer),
    "load, @first": logits(at.model, at.tokenizer),
    "adapter": logits(PeftModel.from_pretrained(base, name, subfolder="adapter", revision=first), loaded.tokenizer),
    "pipeline": [{one["label"]: one["score"] for one in row} for row in classify(texts)],
    "labels": loaded.label_names,
}))
"""


def in_folder(folder: Path, texts: list[str]) -> dict[str, Any]:
    """The logits and probabilities of a run's own folder."""
    import torch

    from nlp_transfer.tasks import saved_models as saved

    loaded = saved.load(folder)
    batch = loaded.tokenizer(
        texts, padding=True, truncation=True, max_length=32, return_tensors="pt", return_token_type_ids=False
    )
    with torch.no_grad():
        logits = loaded.model(**batch).logits
    rows = [dict(zip(loaded.label_names, row, strict=True)) for row in logits.softmax(-1).tolist()]
    return {"logits": logits.numpy(), "probabilities": rows}


@pytest.mark.slow
def test_what_was_pushed_loads_everywhere_as_in_the_runs_folder(trained: Path, hub: Hub, tmp_path: Path) -> None:
    import numpy as np

    env = environment(hub, tmp_path / "home")
    first = python("scripts/push.py", str(trained / "lora"), "clauses", "--what", "both", env=env)
    second = python("scripts/push.py", str(trained / "other"), "clauses", env=env)
    note, pushing = first.stdout.splitlines()[:2]
    assert note.startswith(
        "Note: the adapter fits one base model alone, and that is an encoder that is not on the Hub: "
    )
    assert pushing.startswith("Pushing 12 files, ")
    assert second.stdout.startswith(
        f"ada/clauses holds a model already, which stays there at revision {first.stdout.splitlines()[-1][9:]}. This one "
        "takes its place, and what it does not have goes: adapter/adapter_config.json, adapter/adapter_model.safetensors"
    )
    commits = [done.stdout.splitlines()[-1].removeprefix("revision ") for done in (first, second)]
    texts = [row["text"] for row in rows(6, seed=9)]
    given = json.dumps(["ada/clauses", str(trained / "encoder"), texts, *commits])
    found = json.loads(python("-c", LOADED, given, env=env).stdout.splitlines()[-1])
    old, new = in_folder(trained / "lora", texts), in_folder(trained / "other", texts)
    assert np.abs(old["logits"] - new["logits"]).max() > 1e-3
    for name in ("auto", "auto, second", "load"):
        np.testing.assert_allclose(found[name], new["logits"], atol=1e-6, err_msg=name)
    for name in ("auto, first", "load, first", "adapter"):
        np.testing.assert_allclose(found[name], old["logits"], atol=1e-6, err_msg=name)
    for row, expected in zip(found["pipeline"], new["probabilities"], strict=True):
        assert row == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_a_private_model_is_not_for_others(trained: Path, hub: Hub, tmp_path: Path) -> None:
    python("scripts/push.py", str(trained / "lora"), "private", env=environment(hub, tmp_path / "home"))
    load = "import nlp_transfer; nlp_transfer.load('ada/private')"
    for name, token, why in (
        ("none", None, "nobody is logged in here"),
        ("stranger", STRANGER, "this login may not see it"),
    ):
        done = python("-c", load, env=environment(hub, tmp_path / name, token), status=1)
        assert done.stderr.endswith(
            f"nlp_transfer.errors.CheckpointError: ada/private is not a folder here, and {hub.url} has no such model; or "
            f"it is private, and {why}. Check the name. Log in with `hf auth login`, or set HF_TOKEN, if it is private; "
            "or name a local folder.\n"
        )
    done = python(
        "scripts/push.py", str(trained / "lora"), "x", env=environment(hub, tmp_path / "none", None), status=BAD_INPUT
    )
    assert done.stderr == (
        f"PublishError: There is no login to {hub.url}. Log in with `hf auth login`, or set HF_TOKEN.\n"
    )


@pytest.mark.slow
def test_a_push_that_was_killed_goes_on_where_it_was(trained: Path, hub: Hub, tmp_path: Path) -> None:
    run_folder, env = trained / "lora", environment(hub, tmp_path / "home")
    sent, held = (
        hashlib.sha256((run_folder / name).read_bytes()).hexdigest()
        for name in ("adapter/adapter_model.safetensors", "model/model.safetensors")
    )
    hub.large.clear()
    hub.asked.clear()
    hub.fail("PUT", held, HOLD)
    words = ["scripts/push.py", str(run_folder), "killed", "--what", "both"]
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 200
        while not {f"PUT /lfs/{sent}", f"held /lfs/{held}"} <= set(hub.asked):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    assert list(hub.files("ada/killed")) == [".gitattributes"]
    hub.asked.clear()
    python(*words, env=env)
    assert hub.sent() == [f"PUT /lfs/{held}"]
    files = hub.files("ada/killed")
    assert files["model.safetensors"] == (run_folder / "model" / "model.safetensors").read_bytes()
    assert files["adapter/adapter_model.safetensors"] == (run_folder / "adapter/adapter_model.safetensors").read_bytes()
