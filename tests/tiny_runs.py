"""A tiny encoder with a tokenizer, and tiny corpora, to run whole experiments on in seconds."""

import json
import subprocess
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModel, PreTrainedTokenizerFast

from nlp_transfer.reporting.config_record import to_yaml
from tests.launching import ROOT, launched
from tests.tiny_models import tiny_config

WORDS = {
    "permissive": ["use", "copy", "modify", "freely", "sublicense"],
    "copyleft": ["derivative", "source", "same", "licence", "share"],
    "public": ["waive", "domain", "dedicate", "rights", "world"],
}
"""The words that give a class away."""

FILLERS = ["the", "of", "and", "software", "work", "you", "may", "must", "any", "this"]


AS_IN_TRAINER = {
    "precision": None,
    "warmup_steps": 0,
    "per_device_eval_batch_size": 8,
    "logging_first_step": False,
    "logging_steps": 500,
}
"""Values of `Trainer` that a run would replace by defaults of its own."""


def tiny_encoder(folder: Path) -> Path:
    """Save a random BERT with a word tokenizer that knows `WORDS` and `FILLERS`. Returns the folder."""
    special = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    words = special + [word for group in WORDS.values() for word in group] + FILLERS
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    save_tokenizer(tokenizer, folder)
    torch.manual_seed(0)
    config = tiny_config("bert")
    config.initializer_range = 0.1  # with the usual 0.02 a network this narrow hardly learns
    AutoModel.from_config(config).save_pretrained(folder)
    return folder


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Save it as transformers reads it, with BERT's special tokens, which it must know."""
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
    ).save_pretrained(folder)


def rows(count: int, *, multi_label: bool = False, seed: int = 0) -> list[dict[str, Any]]:
    """Texts whose words give their class away, no two alike."""
    generator = torch.Generator().manual_seed(seed)

    def pick(words: list[str], n: int) -> list[str]:
        return [words[int(i)] for i in torch.randint(len(words), (n,), generator=generator)]

    names, made = list(WORDS), []
    for i in range(count):
        label = names[i % len(names)]
        labels = [label] if i % 4 else ([] if i % 8 else [label, names[(i + 1) % len(names)]])
        named = labels if multi_label else [label]
        words = [word for name in named for word in pick(WORDS[name], 4)] + pick(FILLERS, 6 + i % 9)
        text = " ".join(words)
        made.append({"id": f"row{seed}-{i}", "text": text, **({"labels": labels} if multi_label else {"label": label})})
    return made


def write_corpus(folder: Path, *, multi_label: bool = False, sizes: tuple[int, int, int] = (48, 18, 24)) -> Path:
    """A folder of train, dev and test files in JSON Lines. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, size) in enumerate(zip(("train", "dev", "test"), sizes, strict=True)):
        lines = [json.dumps(row) for row in rows(size, multi_label=multi_label, seed=seed)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def run_tree(encoder: Path, corpus: Path, output: Path, **training: Any) -> dict[str, Any]:
    """The configuration tree of a short run."""
    return {
        "model": str(encoder),
        "source": {"path": str(corpus)},
        "task": {"max_length": 32},
        "training": {
            "output_dir": str(output),
            "num_train_epochs": 2,
            "learning_rate": 5e-3,
            "per_device_train_batch_size": 8,
            "eval_strategy": "epoch",
            "save_strategy": "epoch",
            "save_total_limit": 1,
            "load_best_model_at_end": True,
            "metric_for_best_model": "macro_f1",
            "report_to": "none",
            "disable_tqdm": True,
            "use_cpu": True,
            "seed": 3,
            **AS_IN_TRAINER,
            **training,
        },
    }


def train_on_two_processes(tree: dict[str, Any], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run scripts/train.py with a configuration tree by torchrun over gloo; the run must end well.

    Args:
        tree: the configuration.
        folder: where its file is written.
    """
    (folder / "two.yaml").write_text(to_yaml(tree))
    done = launched(ROOT / "scripts" / "train.py", "--config", folder / "two.yaml", processes=2)
    assert done.returncode == 0, done.stderr[-3000:]
    return done
