"""What real commands leave, open and ask for: no token in any byte, no socket, no file outside their folders."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nlp_transfer.commands import main
from nlp_transfer.config.command_ending import BAD_INPUT
from nlp_transfer.models.files.manifest import MANIFEST, check_manifest
from nlp_transfer.reporting.config_record import to_yaml
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus

pytestmark = pytest.mark.slow  # each command is a process that imports torch

ROOT = Path(__file__).parents[1]
MARKER = "hf_markerMARKERmarkerMARKERmarker0123"

# Loaded by every Python process of a command, its children among them. It refuses what leads to a network, and writes
# down who asked. Sockets between processes (AF_UNIX) are no network, nor is a socket that urllib3 binds to this machine's
# own address when it is imported, to learn whether there is IPv6.
WATCH = """
import os, socket, sys, traceback

def _refuse(what):
    with open(os.environ["WATCH_FILE"], "a") as file:
        file.write(f"{what}\\n" + "".join(traceback.format_stack(limit=12)) + "\\n")
    raise OSError("sockets are refused here")

class _Socket(socket.socket):
    def connect(self, address):
        return super().connect(address) if self.family == socket.AF_UNIX else _refuse(f"connect {address}")

    def connect_ex(self, address):
        return super().connect_ex(address) if self.family == socket.AF_UNIX else _refuse(f"connect_ex {address}")

    def bind(self, address):
        own = self.family == socket.AF_UNIX or address == ("::1", 0)
        return super().bind(address) if own else _refuse(f"bind {address}")

    def sendto(self, *words):
        return super().sendto(*words) if self.family == socket.AF_UNIX else _refuse(f"sendto {words[-1]}")

socket.socket = _Socket
for _name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "create_connection"):
    setattr(socket, _name, lambda *words, _name=_name, **_: _refuse(f"{_name} {words[:2]}"))
with open(os.environ["WATCH_FILE"] + ".processes", "a") as _file:
    _file.write(f"{os.getpid()}\\n")
os.register_at_fork(after_in_child=lambda: open(os.environ["WATCH_FILE"] + ".processes", "a").write(f"{os.getpid()}\\n"))
"""


class Workplace:
    """A folder with everything that a command may touch, and the commands in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.before: set[str] = set()
        self.printed = ""
        self.watched = folder / "watched"
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(WATCH)
        (folder / "here").mkdir()
        self.environment = {
            **{name: value for name, value in os.environ.items() if "OFFLINE" not in name and "NLP_TR" not in name},
            "PYTHONPATH": f"{folder / 'site'}{os.pathsep}{ROOT}",
            "HOME": str(folder / "home"),
            "HF_HOME": str(folder / "cache"),
            "TMPDIR": str(folder / "tmp"),
            "WATCH_FILE": str(self.watched),
            "HF_TOKEN": MARKER,
            "OMP_NUM_THREADS": "1",
        }
        for name in ("home", "tmp", "cache"):
            (folder / name).mkdir()

    def command(self, script: str, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, str(ROOT / "scripts" / f"{script}.py"), *words],
            cwd=self.folder / "here",
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done

    def asked(self) -> str:
        """The attempts to reach a network, with who made them."""
        return self.watched.read_text() if self.watched.exists() else ""

    def processes(self) -> set[str]:
        return set(Path(f"{self.watched}.processes").read_text().split())


def contents(path: Path, data: bytes | None = None) -> Iterator[bytes]:
    """A file's bytes, and those of what is packed in it."""
    data = path.read_bytes() if data is None else data
    yield data
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    if zipfile.is_zipfile(io.BytesIO(data)):  # what torch.save writes
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from contents(path, archive.read(name))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A run by scripts/train.py with a token given in all three ways, labels that are ways out, and workers."""
    place = Workplace(tmp_path_factory.mktemp("place"))
    corpus = write_corpus(place.folder / "corpus")
    for file in corpus.iterdir():
        file.write_text(file.read_text().replace('"public"', '"../../../public"').replace('"copyleft"', '"/copy/left"'))
    options = {"dataloader_num_workers": 1, "num_train_epochs": 1, "hub_token": MARKER}
    tree = run_tree(tiny_encoder(place.folder / "encoder"), corpus, place.folder / "run", **options)
    (place.folder / "run.yaml").write_text(to_yaml({**tree, "methods": [{"name": "lora", "r": 2}]}))
    place.before = files(place.folder)
    done = place.command("train", "--config", str(place.folder / "run.yaml"), "--training.hub_token", MARKER)
    place.printed = done.stdout + done.stderr
    return place


def token_holders(*folders: Path) -> list[str]:
    """The files of some folders that hold the token, packed ones included."""
    left = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in left for content in contents(path) if MARKER.encode() in content]


def test_no_token_is_written(trained: Workplace) -> None:
    assert "macro" in trained.printed
    assert MARKER not in trained.printed
    run = trained.folder / "run"
    names = {path.name for path in run.rglob("*")}
    assert {"training_args.bin", "optimizer.pt", "predictions.jsonl.gz", "run.json", "log.jsonl", MANIFEST} <= names
    assert "--training.hub_token" in json.loads((run / "run.json").read_text())["command"]  # that it was given is said
    assert token_holders(run, trained.folder / "cache") == []


def test_no_token_is_written_by_a_search_a_comparison_and_a_sweep_with_stock_runs(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    corpus = write_corpus(tmp_path / "corpus")
    tree = run_tree(tiny_encoder(tmp_path / "encoder"), corpus, tmp_path / "run", num_train_epochs=1, hub_token=MARKER)
    target = {"path": str(corpus / "test.jsonl")}
    searched = {
        **tree,
        "target": target,
        "methods": ["full_fine_tuning", {"name": "coral", "weight": 1.0}],
        "search": {"methods.coral.weight": [0.1, 1.0]},
    }
    (tmp_path / "run.yaml").write_text(to_yaml(searched))
    printed = [place.command("train", "--config", str(tmp_path / "run.yaml"))]
    refused = {**tree, "search": {"training.hub_token": [MARKER, MARKER]}}
    refused["training"] = {**tree["training"], "output_dir": str(tmp_path / "refused")}
    (tmp_path / "refused.yaml").write_text(to_yaml(refused))
    printed.append(place.command("train", "--config", str(tmp_path / "refused.yaml"), status=BAD_INPUT))
    assert "search: training.hub_token changes no result, so there is nothing to choose." in printed[-1].stderr
    sweep = {
        "output_dir": str(tmp_path / "sweep"),
        "base": {key: value for key, value in tree.items() if key != "source"},
        "corpora": {"one": {"source": tree["source"]}},
        "systems": {"full": {"methods": ["full_fine_tuning"]}, "stock": {"stock": True}},
        "seeds": [0],
    }
    del sweep["base"]["training"]["output_dir"]
    (tmp_path / "sweep.yaml").write_text(to_yaml(sweep))
    printed.append(place.command("sweep", "--config", str(tmp_path / "sweep.yaml")))
    for name in ("run/candidates/1", "run/source_only", "sweep/cells/one-full-0", "sweep/cells/one-stock-0"):
        assert (tmp_path / name).is_dir(), name
    assert list((tmp_path / "sweep/cells/one-stock-0").rglob("training_args.bin"))
    assert [done for done in printed if MARKER in done.stdout + done.stderr] == []
    assert token_holders(tmp_path / "run", tmp_path / "refused", tmp_path / "sweep", tmp_path / "cache") == []


def test_the_search_finds_a_token_where_one_is(tmp_path: Path) -> None:
    import torch

    torch.save({"hub_token": MARKER}, tmp_path / "a.bin")
    (tmp_path / "b.gz").write_bytes(gzip.compress(MARKER.encode()))
    for file in tmp_path.iterdir():
        assert any(MARKER.encode() in content for content in contents(file)), file


def test_training_asks_for_no_network(trained: Workplace) -> None:
    assert trained.asked() == ""
    assert len(trained.processes()) > 1  # the loader's workers were watched too


def test_a_run_writes_into_its_folder_and_the_cache_only(trained: Workplace) -> None:
    new = files(trained.folder) - trained.before
    assert {name.split("/")[0] for name in new} - {"watched", "watched.processes"} == {"run", "cache"}
    metrics = json.loads((trained.folder / "run" / "metrics.json").read_text())
    # Labels with separators are labels, and no names of files.
    assert {"../../../public", "/copy/left"} <= set(metrics["source"]["test"]["per_class"])


def test_model_and_adapter_have_a_manifest(trained: Workplace) -> None:
    for name in ("model", "adapter"):
        folder = trained.folder / "run" / name
        check_manifest(folder)
        listed = json.loads((folder / MANIFEST).read_text())["files"]
        assert set(listed) == files(folder) - {MANIFEST}
        assert not [file for file in listed if file.endswith(".bin")]


def test_evaluating_and_predicting_ask_for_no_network(trained: Workplace) -> None:
    run, test = str(trained.folder / "run"), str(trained.folder / "corpus" / "test.jsonl")
    trained.command("evaluate", run, "--corpus.path", test, "--output_dir", str(trained.folder / "scores"))
    done = trained.command("predict", run, test)
    assert len(done.stdout.splitlines()) == 24
    assert trained.asked() == ""
    left = [path for path in (trained.folder / "scores").rglob("*") if path.is_file()]
    assert left
    assert not [path for path in left for content in contents(path) if MARKER.encode() in content]


def test_the_watch_sees_who_asks_for_a_network(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    corpus = write_corpus(tmp_path / "corpus")
    tree = run_tree(Path("some/model"), corpus, tmp_path / "run")
    (tmp_path / "run.yaml").write_text(to_yaml(tree))
    done = place.command("train", "--config", str(tmp_path / "run.yaml"), status=BAD_INPUT)
    assert "('huggingface.co', 443)" in place.asked()
    assert done.stderr.startswith(
        "ConfigError: model: some/model is not a folder here, and as a Hub id it cannot be fetched: there is no network"
    )
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_tampered_model_is_no_start_for_a_run(
    trained: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained.folder / "run" / "model", tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    tree = run_tree(tmp_path / "model", trained.folder / "corpus", tmp_path / "again")
    (tmp_path / "again.yaml").write_text(to_yaml(tree))
    assert main(["train", "--config", str(tmp_path / "again.yaml")]) == BAD_INPUT
    assert capsys.readouterr().err.startswith(f"CheckpointError: {weights} has the SHA-256 ")
    assert not (tmp_path / "again").exists()
