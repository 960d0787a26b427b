"""Push the trained model, not the output folder: scanned before, in one commit, into a private repository.

Stock `Trainer` commits the whole output folder, `training_args.bin` with paths and settings of this machine included,
and pushes every checkpoint during training, by default into a public repository. Here `hub_strategy` is `end`.
"""

import copy
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import PeftModel
from transformers.utils import logging

from nlp_transfer.errors import ConfigError
from nlp_transfer.hub.card import Card, adapter_note, adapter_use, edited_card, is_language
from nlp_transfer.hub.matches import raise_on_matches
from nlp_transfer.hub.package import NOT_ON_HUB, BaseModel, RepoFile, model_files
from nlp_transfer.hub.scan import scan_files
from nlp_transfer.hub.upload import CARD, Repository, check_target, upload
from nlp_transfer.models.families import EXTRACTIVE, plain_model
from nlp_transfer.models.files.resolve import public_name
from nlp_transfer.models.files.validate import ADAPTER_CONFIG
from nlp_transfer.tasks import TASKS
from nlp_transfer.training.arguments import strategy_problem

logger = logging.get_logger(__name__)

_SPEED = ("runtime", "samples_per_second", "steps_per_second")


class ModelPush:
    """Push a trainer's model to the Hub, and write its card."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer
        self._target: Repository | None = None

    def check_login(self, token: str | None = None, private: bool | None = None) -> None:
        """Check, before training, that a push will be let in; raise ConfigError or PublishError."""
        if problem := strategy_problem(self.trainer.args.hub_strategy):
            raise ConfigError(problem.replace("training.", "", 1))
        if self.trainer.is_world_process_zero():
            self._target = check_target(
                self.trainer.args.hub_model_id,
                name=Path(str(self.trainer.args.output_dir)).resolve().name,
                public=self._public(private),
                token=token or self.trainer.args.hub_token,
            )
            self.trainer.hub_model_id = self._target.repo_id
            self.trainer.push_in_progress = None

    def push(
        self,
        commit_message: str | None = "End of training",
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
        *,
        allow: Sequence[str] = (),
        check_corpus: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Push weights, configuration, tokenizer and card, scanned before, into a private repository.

        See `Trainer.push_to_hub` for the other arguments. Raises PublishError before anything is published.

        Args:
            allow: keys of findings that may pass.
            check_corpus: whether to look for runs of words of the training rows.
        """
        settings = copy.copy(self.trainer.args)
        settings.hub_private_repo = not self._public(private)  # trackio makes a public space where it is unset
        self.trainer.callback_handler.on_push_begin(settings, self.trainer.state, self.trainer.control)
        self.trainer.save_model(_internal_call=True)
        if not self.trainer.is_world_process_zero():
            return None
        self.trainer.init_hf_repo(token=token, private=private)
        self.trainer.create_model_card(**kwargs)
        files = self._files(Path(str(self.trainer.args.output_dir)), kwargs.get("finetuned_from"))
        texts = _row_texts(self._all_rows(), self.trainer.processing_class) if check_corpus else ()
        raise_on_matches(scan_files(files, texts), allow)
        assert self._target is not None
        send = functools.partial(
            upload,
            self._target,
            files,
            message=commit_message or "End of training",
            public=self._public(private),
            revision=revision or self.trainer.args.hub_revision,
            token=token or self.trainer.args.hub_token,
        )
        if blocking:
            return send()
        from huggingface_hub import HfApi

        return HfApi().run_as_future(send)

    def _files(self, folder: Path, finetuned_from: str | None) -> list[RepoFile]:
        base = self._base(finetuned_from)
        if (folder / ADAPTER_CONFIG).is_file() and (note := adapter_note(base)) is not None:
            logger.warning(f"{note} If it has a name on the Hub after all: push_to_hub(finetuned_from='OWNER/NAME').")
        return [*model_files(folder, base=base), RepoFile(CARD, folder / CARD, "the card")]

    def _all_rows(self) -> Iterator[Any]:
        """Yield every row that training could look at: of the source, the target, and what was evaluated."""
        context = self.trainer.context
        target = self.trainer.target_dataset if context is None else context.target
        given: Any = self.trainer.eval_dataset
        for dataset in (self.trainer.train_dataset, target, *(given.values() if isinstance(given, dict) else [given])):
            yield from dataset if dataset is not None else ()

    def write_card(
        self,
        language: str | Sequence[str] | None = None,
        license: str | None = None,
        tags: str | Sequence[str] | None = None,
        model_name: str | None = None,
        finetuned_from: str | None = None,
        tasks: str | Sequence[str] | None = None,
        dataset_tags: str | Sequence[str] | None = None,
        dataset: str | Sequence[str] | None = None,
        dataset_args: str | Sequence[str] | None = None,
    ) -> None:
        """Write the card, `README.md` in the output folder; one that was edited by hand stays as it is."""
        place = Path(str(self.trainer.args.output_dir))
        if not self.trainer.is_world_process_zero() or edited_card(place) is not None:
            return
        model = self.trainer.accelerator.unwrap_model(self.trainer.model)
        network, adapter, base = plain_model(model), isinstance(model, PeftModel), self._base(finetuned_from)
        auto_class = _auto_class(network)
        wording = next((task.wording for task in TASKS.values() if task.auto_class == auto_class), None)
        repo_id = self.trainer.hub_model_id or model_name or place.name
        scores = _last_scores(self.trainer.state.log_history)
        lines = [f"| {name} | {value:.4g} |" for name, value in scores.items()]
        methods = [method.name for method in self.trainer.methods]
        named = _several(dataset) or _several(dataset_tags) or ["texts that are not published"]
        card = Card(
            repo_id=repo_id,
            pipeline_tag=next(iter(_several(tasks)), wording.pipeline_tag if wording else None),
            base=base,
            adapter=adapter,
            summary=f"{base.words}, trained further with nlp-transfer.",
            use=_use(network, repo_id, base, adapter=adapter),
            intended=f"It is for texts like those that it learned from. {wording.not_for if wording else ''}".rstrip(),
            transfer=[
                f"**Encoder**: {base.words}.",
                f"**Source**: {', '.join(named)}.",
                *(f"**Method** `{name}`." for name in methods),
            ],
            scores="\n".join(["| metric | value |", "| :--- | ---: |", *lines]) if lines else "",
            results={"source": {"validation": scores}} if scores else {},
            datasets={"source": (_several(dataset_tags)[0], (*_several(dataset_args), "default")[0])}
            if dataset_tags
            else {},
            limits=["The scores are of its evaluation rows; on other texts it was not tried."],
            versions={"torch": torch.__version__, "transformers": transformers.__version__},
            license=license,
            language=_languages(_several(language)),
            tags=[*_several(tags), *(name.replace("_", "-") for name in methods)],
        )
        (place / CARD).write_text(card.text(), "utf-8")

    def _base(self, finetuned_from: str | None) -> BaseModel:
        """Return the model that training began with, by its public name only."""
        model = self.trainer.accelerator.unwrap_model(self.trainer.model)
        known = public_name(finetuned_from or str(getattr(plain_model(model).config, "_name_or_path", "")))
        if known is None:
            return BaseModel(NOT_ON_HUB)
        return BaseModel(f"[{known[0]}](https://huggingface.co/{known[0]})", *known)

    def _public(self, private: bool | None) -> bool:
        return (self.trainer.args.hub_private_repo if private is None else private) is False


def _auto_class(network: Any) -> str:
    name = type(network).__name__
    return "AutoModel" + (name[name.index("For") :] if "For" in name else "")


def _use(network: Any, repo_id: str, base: BaseModel, *, adapter: bool) -> str:
    auto_class = _auto_class(network)
    if adapter:
        labels = [label for _, label in sorted(network.config.id2label.items())]
        several = network.config.problem_type == "multi_label_classification"
        return adapter_use(repo_id, base, auto_class, labels, multi_label=several)
    if type(network).__name__.endswith(EXTRACTIVE):
        register = "import nlp_transfer\nfrom transformers import AutoModel\n\nnlp_transfer.register_models()"
        return f'{register}\nmodel = AutoModel.from_pretrained("{repo_id}")'
    return f'from transformers import {auto_class}\n\nmodel = {auto_class}.from_pretrained("{repo_id}")'


def _last_scores(history: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the scores of the last evaluation, without those of its speed."""
    for entry in reversed(history):
        scores = {key.removeprefix("eval_"): value for key, value in entry.items() if key.startswith("eval_")}
        if scores:
            return {k: v for k, v in scores.items() if isinstance(v, int | float) and not k.endswith(_SPEED)}
    return {}


def _row_texts(rows: Iterator[Any], tokenizer: Any) -> Iterator[str]:
    """Yield the texts of rows: their columns of strings, else their tokens, decoded."""
    for row in rows:
        if texts := [value for value in row.values() if isinstance(value, str)]:
            yield from texts
        elif tokenizer is not None and "input_ids" in row:
            yield tokenizer.decode(row["input_ids"], skip_special_tokens=True)


def _languages(named: Sequence[str]) -> list[str]:
    """Return the codes of languages that the Hub knows; others are left out with a warning, for training is over."""
    codes = dict.fromkeys(re.split("[-_]", name)[0].lower() for name in named)
    for code in codes:
        if not is_language(code):
            logger.warning(f"The card leaves out the language {code}; expected a code of two or three letters, as en.")
    return list(filter(is_language, codes))


def _several(value: str | Sequence[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())
