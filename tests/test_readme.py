"""The README's example for a notebook runs as it stands, but for the names of model and files."""

import json
import re
from pathlib import Path

from tests.tiny_runs import WORDS, rows, tiny_encoder

README = Path(__file__).parents[1] / "README.md"


def test_the_example_of_adaptation_in_python_runs(tmp_path, monkeypatch, capsys):
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "DANN(weight" in block
    ]
    encoder = tiny_encoder(tmp_path / "encoder")
    for seed, (name, size) in enumerate({"books": 24, "books_dev": 9, "kitchen": 12}.items()):
        lines = [
            {"text": row["text"], **({} if name == "kitchen" else {"labels": list(WORDS).index(row["label"])})}
            for row in rows(size, seed=seed)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    code, changed = re.subn(r'^name = ".*"$', f"name = {str(encoder)!r}", code, flags=re.MULTILINE)
    assert changed == 1
    code = code.replace("num_labels=2", "num_labels=3").replace(
        "max_length=256", "max_length=32, return_token_type_ids=False"
    )
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert re.search(r"^\[([012] ?){10}\]$", capsys.readouterr().out, re.MULTILINE)
    assert list((tmp_path / "runs" / "kitchen").glob("checkpoint-*"))
