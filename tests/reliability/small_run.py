"""A run that takes seconds: a random BERT of three layers, 144 made-up texts, 72 updates, a checkpoint every third."""

import json
import random
from pathlib import Path

from nlp_transfer.reporting.config_record import to_yaml

WORDS = {
    "permissive": ["use", "copy", "modify", "freely"],
    "copyleft": ["source", "same", "share", "derivative"],
    "public": ["waive", "world"],
}
"""The words that give a class away."""

FILLERS = ["the", "of", "and", "software", "work", "you", "may", "must", "any", "this"]

SIZES = {"train": 96, "dev": 24, "test": 24}


def write_small_run(folder: Path) -> Path:
    """Write encoder, corpus and configuration into a new folder; returns the configuration's file."""
    folder.mkdir(parents=True)
    _write_encoder(folder / "encoder")
    _write_corpus(folder / "corpus")
    tree = {
        "model": str(folder / "encoder"),
        "source": {"path": str(folder / "corpus")},
        "task": {"max_length": 32},
        "baselines": [],
        "training": {
            "output_dir": str(folder / "run"),
            "num_train_epochs": 3,
            "learning_rate": 1e-3,
            "per_device_train_batch_size": 4,
            "train_sampling_strategy": "group_by_length",
            "logging_steps": 5,
            "eval_strategy": "steps",
            "eval_steps": 3,
            "save_strategy": "steps",
            "save_steps": 3,
            "save_total_limit": 2,
            "load_best_model_at_end": True,
            "metric_for_best_model": "macro_f1",
            "use_cpu": True,
            "cpu_threads": 1,
            "report_to": "none",
            "disable_tqdm": True,
        },
    }
    config = folder / "config.yaml"
    config.write_text(to_yaml(tree))
    return config


def _write_encoder(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, set_seed

    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(w for words in WORDS.values() for w in words), *FILLERS]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(known)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **special).save_pretrained(folder)
    set_seed(0)
    config = BertConfig(
        vocab_size=len(known),
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)


def _write_corpus(folder: Path) -> None:
    folder.mkdir()
    chance = random.Random(0)
    for split, rows in SIZES.items():
        with (folder / f"{split}.jsonl").open("w") as out:
            for i in range(rows):
                label = list(WORDS)[i % len(WORDS)]
                words = chance.choices(WORDS[label], k=3) + chance.choices(FILLERS, k=4 + i % 12)
                chance.shuffle(words)
                out.write(json.dumps({"text": " ".join(words), "label": label}) + "\n")
