"""Score a saved model on a corpus."""

from typing import Any

from nlp_transfer.data import CorpusConfig


def evaluate(
    model: str,
    corpus: CorpusConfig,
    *,
    split: str | None = None,
    output_dir: str | None = None,
    bertscore_model: str | None = None,
    length_unit: str | None = None,
    length: float | None = None,
    generation: dict[str, Any] | None = None,
    backend: str = "pytorch",
    precision: str | None = None,
    device: str = "auto",
    max_tokens: int | None = None,
) -> None:
    """Score a saved model on a corpus whose labels are the model's, or on documents with summaries.

        nlp-transfer evaluate runs/quickstart --corpus.builtin licenses --corpus.split.method near_duplicate
        nlp-transfer evaluate runs/books --corpus.path data/kitchen --corpus.columns.stars label --split validation
        nlp-transfer evaluate runs/ledgar --corpus.hub coastalcph/lex_glue --corpus.name ledgar

    Prints the tables that a run closes with. With `output_dir` it writes metrics.json, predictions.jsonl.gz and
    report.md.

    Args:
        model: a run's output folder, a model folder, or a Hub id (OWNER/NAME@REVISION takes one commit).
        corpus: where the texts come from.
        split: the split to score; null is test, or the only one.
        output_dir: a new folder for scores, predictions and a report.
        bertscore_model: of a model that summarises, an encoder for BERTScore, too.
        length_unit: of a model that selects sentences, sentences, words, characters, or share; null is as trained.
        length: how many of them a summary may have.
        generation: of a model that writes, NAME=VALUE settings of GenerationConfig, such as num_beams=1.
        backend: pytorch, or onnx for an exported model.
        precision: of an exported model, float32 or int8.
        device: cpu, cuda, cuda:1; auto is a GPU, if there is one.
        max_tokens: tokens of a batch, padding counted; null suits the device, fewer need less memory.
    """
    from nlp_transfer.commands.evaluation import evaluate as score
    from nlp_transfer.reporting.tables import console

    result = score(
        model,
        corpus,
        split=split,
        output_dir=output_dir,
        bertscore_model=bertscore_model,
        length_unit=length_unit,
        length=length,
        generation=generation,
        backend=backend,
        precision=precision,
        device=device,
        max_tokens=max_tokens,
    )
    console().print(result.summary())
