"""What goes is in the table; what names a place on this machine is rewritten; pickles and links never go."""

import json
import shutil
from pathlib import Path

import pytest

from nlp_transfer.errors import CheckpointError
from nlp_transfer.hub.package import (
    BaseModel,
    RepoFile,
    is_pushed_file,
    model_files,
    texts_of,
    unpublished_files,
    wording,
)
from nlp_transfer.models.files.manifest import MANIFEST, check_manifest


@pytest.fixture
def folder(tiny_classifier: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_classifier, tmp_path / "model"))


def written(parts: list[RepoFile], place: Path) -> Path:
    for part in parts:
        (place / part.name).parent.mkdir(parents=True, exist_ok=True)
        (place / part.name).write_bytes(part.read())
    return place


def test_a_model_is_weights_configuration_tokenizer_and_their_hashes(folder: Path, tmp_path: Path) -> None:
    for name in ("training_args.bin", "optimizer.pt", "pytorch_model.bin", "predictions.jsonl.gz", "notes.txt", "a.py"):
        (folder / name).write_bytes(b"x")
    (folder / "checkpoint-3").mkdir()
    parts = model_files(folder)
    assert [part.name for part in parts] == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        MANIFEST,
    ]
    assert [part.why for part in parts][1] == "weights"
    assert unpublished_files(folder, parts) == [
        "a.py",
        "checkpoint-3/",
        "notes.txt",
        "optimizer.pt",
        "predictions.jsonl.gz",
        "pytorch_model.bin",
        "training_args.bin",
    ]
    check_manifest(written(parts, tmp_path / "arrived"))


def test_places_on_this_machine_leave_the_configuration(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "_name_or_path": "/home/ada/secret"}))
    (folder / MANIFEST).unlink(missing_ok=True)
    parts = {part.name: part for part in model_files(folder)}
    assert json.loads(parts["config.json"].read()) == config
    arrived = written(list(parts.values()), tmp_path / "arrived")
    check_manifest(arrived)  # of what goes, not of what lay here
    assert parts["model.safetensors"].content == folder / "model.safetensors"


@pytest.mark.parametrize(
    ("base", "named"),
    [
        (BaseModel("words", "org/encoder", "abc"), ("org/encoder", "abc")),
        (BaseModel("words", root="org/encoder"), (None, None)),  # it fits the model in between
        (None, (None, None)),
    ],
)
def test_an_adapter_names_its_base_by_its_public_name_only(
    tmp_path: Path, base: BaseModel | None, named: tuple
) -> None:
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "/home/ada/encoder", "r": 4}')
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    (tmp_path / "README.md").write_text("base_model: /home/ada/encoder")
    parts = {part.name: part for part in model_files(tmp_path, under="adapter/", base=base)}
    assert sorted(parts) == [
        f"adapter/{name}" for name in ("adapter_config.json", "adapter_model.safetensors", MANIFEST)
    ]
    config = json.loads(parts["adapter/adapter_config.json"].read())
    assert (config["base_model_name_or_path"], config["revision"], config["r"]) == (*named, 4)
    assert sorted(json.loads(parts[f"adapter/{MANIFEST}"].read())["files"]) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / MANIFEST).unlink(missing_ok=True)
    with pytest.raises(CheckpointError) as caught:
        model_files(folder)
    assert str(caught.value) == (
        f"{folder} has no weights (*.safetensors), so there is nothing to push; it holds config.json, tokenizer.json, "
        "tokenizer_config.json."
    )


def test_a_torn_model_is_refused(tmp_path: Path, folder: Path) -> None:
    from nlp_transfer.models.files.manifest import write_manifest

    write_manifest(folder)
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(CheckpointError, match=r"model\.safetensors has [\d,]+ bytes, but manifest\.json says"):
        model_files(folder)


def test_a_link_is_no_file(folder: Path) -> None:
    (folder / MANIFEST).unlink(missing_ok=True)
    (folder / "tokenizer.json").rename(folder / "other.json")
    (folder / "tokenizer.json").symlink_to(folder / "other.json")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is a link; expected the file itself"):
        model_files(folder)


def test_what_is_scanned(tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    save_file({"w": np.zeros(1)}, tmp_path / "model.safetensors", metadata={"made by": "ada@law.example"})
    tokenizer = {
        "added_tokens": [
            {"content": "[OF eve@law.example]", "special": True},
            {"content": "estoppel", "special": False},
        ],
        "normalizer": {"type": "Replace", "pattern": {"String": "ACME Corp"}, "content": "[PARTY]"},
        "model": {"type": "BPE", "unk_token": "[UNK]", "vocab": {"ada@law.example": 0}, "merges": ["ada@ law"]},
    }
    parts = [
        RepoFile("model.safetensors", tmp_path / "model.safetensors", ""),
        RepoFile("adapter/tokenizer.json", json.dumps(tokenizer).encode(), ""),
        RepoFile("tokenizer.json", b'{"model": {"vocab": {"ada@law.example": 0}}}', ""),
        RepoFile("chat_template.jinja", b"You are {{ name }}", ""),
        RepoFile("special_tokens_map.json", b'{"sep_token": "[SEP]"}', ""),
        RepoFile("added_tokens.json", b'{"lessor": 7}', ""),
        RepoFile("metrics.json", b'{"a": 1}', ""),
        RepoFile("README.md", b"# card", ""),
        RepoFile("vocab.json", b'{"ada@law.example": 1}', ""),
        RepoFile("vocab.txt", b"ada@law.example", ""),
        RepoFile("merges.txt", b"ada@ law", ""),
        RepoFile("spiece.model", b"\xff", ""),
        RepoFile(MANIFEST, b"{}", ""),
    ]
    assert list(texts_of(parts)) == [
        ("model.safetensors, notes", "made by: ada@law.example"),
        (
            "adapter/tokenizer.json, outside its vocabulary",
            "[OF eve@law.example]\nestoppel\nReplace\nACME Corp\n[PARTY]\nBPE\n[UNK]",
        ),
        ("chat_template.jinja", "You are {{ name }}"),
        ("special_tokens_map.json", '{"sep_token": "[SEP]"}'),
        ("added_tokens.json", '{"lessor": 7}'),
        ("metrics.json", '{"a": 1}'),
        ("README.md", "# card"),
    ]


def test_what_tokenizers_are_full_of_is_not_found(folder: Path) -> None:
    from nlp_transfer.hub.scan import scan

    patterns = [
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s+",
    ]
    tokens = ["<s>", "</s>", "<pad>", "[CLS]", "<|im_start|>", "<|endoftext|>", "<extra_id_0>", "|||EMAIL_ADDRESS|||"]
    tree = json.loads((folder / "tokenizer.json").read_text())
    tree["pre_tokenizer"] = {"type": "Sequence", "patterns": patterns}
    tree["added_tokens"] += [{"content": token, "special": True} for token in tokens]
    part = RepoFile("tokenizer.json", json.dumps(tree).encode(), "")
    assert scan(texts_of([part, *model_files(folder)])) == []


def test_of_json_the_numbers_are_no_wording() -> None:
    assert wording("a.json", '{"tr\\u00e4ge": 0.5598136790149003,\n "b": "c \\"d\\""}') == 'träge\nb | c "d"'
    assert wording("a.json", '{"a": "b\\nc",\n"d": "e\u2028f"}') == "a | b c\nd | e\u2028f"  # a line stays one
    assert wording("a.md", "0.5 b") == "0.5 b"


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("model-00001-of-00002.safetensors", True),
        ("adapter/adapter_config.json", True),
        ("adapter_model.safetensors", True),
        ("manifest.json", True),
        ("README.md", False),
        ("training_args.bin", False),
        ("other/model.safetensors", False),
        ("my_adapter/config.json", False),
        ("x/adapter/manifest.json", False),
        ("adapter/sub/spm.model", False),
        ("vocab.d/notes.txt", False),
    ],
)
def test_which_files_of_a_repository_a_push_may_replace(name: str, ours: bool) -> None:
    assert is_pushed_file(name) is ours
