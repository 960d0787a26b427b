"""The longer examples of the documents run as they stand, but for the names of model and files, and for a smaller model."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from nlp_transfer import run
from nlp_transfer.config.experiment import load_config
from tests.hub_server import OWNER, running
from tests.tiny_runs import WORDS, rows, run_tree, tiny_encoder, write_corpus

ROOT = Path(__file__).parents[1]


def test_the_example_of_adaptation_in_python_runs(tmp_path, monkeypatch, capsys):
    (code,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", (ROOT / "configs/README.md").read_text(), re.DOTALL)
        if "DANN()" in block
    ]
    encoder = tiny_encoder(tmp_path / "encoder")
    for seed, (name, size) in enumerate({"books": 120, "books_dev": 24, "kitchen": 12}.items()):
        lines = [
            {"text": row["text"], **({} if name == "kitchen" else {"labels": list(WORDS).index(row["label"])})}
            for row in rows(size, seed=seed)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    code, changed = re.subn(r'^name = ".*"$', f"name = {str(encoder)!r}", code, flags=re.MULTILINE)
    assert changed == 1
    for there, here in (
        ("num_labels=2", "num_labels=3"),
        ("max_length=256", "max_length=32, return_token_type_ids=False"),
        (
            "learning_rate=1e-4",
            "learning_rate=5e-3",
        ),  # else so small a model is at chance, of which nothing is estimated
        ("batch_size=32", "batch_size=4"),
    ):
        assert there in code
        code = code.replace(there, here)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "configs/README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert re.search(r"^\[([012] ?){10}\]$", printed, re.MULTILINE)
    assert re.search(r"^(harmful|no sign of harm) \{'target_entropy': \(\d\.\d+, \d\.\d+\), ", printed, re.MULTILINE)
    (frequencies,) = re.findall(r"^class frequencies: \[(.*)\]$", printed, re.MULTILINE)
    assert sum(map(float, frequencies.split())) == pytest.approx(1, abs=1e-6)
    made = {str(folder.parent.relative_to(tmp_path)) for folder in tmp_path.rglob("checkpoint-*")}
    tried = {f"runs/kitchen/candidates/methods.dann.weight={weight}" for weight in (0.03, 0.1)}
    assert made == {*tried, "runs/kitchen/source_only"}


def python_of_readme():
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_from_a_data_frame_to_predictions_in_twelve_lines(tmp_path, monkeypatch, capsys):
    (code,) = [block for block in python_of_readme() if "read_csv" in block]
    assert len(code.splitlines()) <= 12
    tiny_encoder(tmp_path / "encoder")
    (tmp_path / "data").mkdir()
    frame = pd.DataFrame(rows(120)).rename(columns={"text": "clause", "label": "kind"})
    frame.to_csv(tmp_path / "data/clauses.csv", index=False)
    for there, here in (
        ("answerdotai/ModernBERT-base", "encoder"),
        (
            '"output_dir": "runs/clauses"',
            '"output_dir": "runs/clauses", "learning_rate": 5e-3, "use_cpu": True, "disable_tqdm": True, "report_to": "none"',
        ),
        ('methods=["lora"]', 'methods=["lora"], task={"max_length": 32}'),
        ('"Either party may terminate."', '"waive domain dedicate rights of the software"'),
    ):
        assert there in code
        code = code.replace(there, here)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert re.search(r"^source · test · 30 rows$", printed, re.MULTILINE)
    assert re.search(r"^tfidf_svm +[01]\.\d{3} ", printed, re.MULTILINE)
    for line in printed.splitlines()[-2:]:
        predicted, probabilities = re.fullmatch(r"(\w+) (\{.*\})", line).groups()
        shares = ast.literal_eval(probabilities)
        assert sorted(shares) == sorted(WORDS)
        assert sum(shares.values()) == pytest.approx(1)
        assert predicted == max(shares, key=shares.get)
    assert names["report"].corpora["source"].rows == {"train": 72, "validation": 18, "test": 30}
    assert "<h3>source, test (30 rows)</h3>" in names["report"]._repr_html_()
    record = json.loads((tmp_path / "runs/clauses/run.json").read_text())
    assert record["config"]["source"]["data"].startswith("pandas DataFrame of 120 rows, SHA-256 ")
    assert record["inputs"]["source corpus"] == names["report"].corpora["source"].fingerprint


def test_the_trainer_of_the_readme_trains(tmp_path, monkeypatch):
    (code,) = [block for block in python_of_readme() if "trainer.train()" in block]
    encoder = tiny_encoder(tmp_path / "encoder")
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    encoded = [
        {**tokenizer(row["text"], return_token_type_ids=False), "labels": list(WORDS).index(row["label"])}
        for row in rows(16)
    ]
    names = {
        "model": AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=3),
        "tokenizer": tokenizer,
        "train": Dataset.from_list(encoded),
        "dev": Dataset.from_list(encoded),
    }
    monkeypatch.chdir(tmp_path)
    code = code.replace('TransferArguments("out")', 'TransferArguments("out", use_cpu=True, report_to="none")')
    exec(compile(code, "README.md", "exec"), names)
    assert names["trainer"].state.global_step == 6
    assert names["trainer"].methods[0].r == 8


@pytest.mark.slow
def test_the_way_to_the_hub_and_back(tmp_path):
    section = (ROOT / "nlp_transfer" / "hub" / "README.md").read_text()
    (shell,), (code,) = (re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL) for kind in ("bash", "python"))
    install, login, train, *pushes = shell.splitlines()
    assert (install, train) == (
        "pip install -e '.[quickstart,hub]'",
        "python scripts/train.py --config configs/quickstart.yaml",
    )
    tree = run_tree(tiny_encoder(tmp_path / "encoder"), write_corpus(tmp_path / "corpus"), tmp_path / "runs/quickstart")
    run(load_config(tree=tree))
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    with running() as hub:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        home = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**kept, **home, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

        def command(line):
            done = subprocess.run(line, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-3000:]
            return done.stdout

        command(login.replace("hf auth login", f"hf auth login --token {OWNER}"))
        listed, pushed = map(command, pushes)
        assert "model.safetensors" in listed
        assert listed.endswith("The scan lets it pass. Nothing was sent.\n")
        repository = hub.repositories["ada/licences"]
        assert repository.private
        assert pushed.splitlines()[1:] == [f"{hub.url}/ada/licences", f"revision {repository.branches['main']}"]
        (tmp_path / "back.py").write_text(code.replace("YOUR_NAME", "ada"))
        shown = command("python back.py").splitlines()
        assert re.fullmatch(r"\[\{'label': '(copyleft|permissive|public)', 'score': [\d.]+\}\]", shown[0])
        assert shown[1] == "['copyleft', 'permissive', 'public']"
