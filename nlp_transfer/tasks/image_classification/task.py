"""Image classification: one label an image (column `label`), or any number of labels (column `labels`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from nlp_transfer.data.corpus import DOMAIN_COLUMN, Corpus
from nlp_transfer.data.validation.row_kinds import IMAGES
from nlp_transfer.models.outputs import Output
from nlp_transfer.tasks.base import Columns
from nlp_transfer.tasks.classification.baselines import Baseline
from nlp_transfer.tasks.classification.task import Classification, FittedClassification
from nlp_transfer.tasks.image_classification import NAME
from nlp_transfer.tasks.image_classification.baselines import BASELINES
from nlp_transfer.tasks.image_classification.wording import WORDING
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.models.loading import LoadedModel
    from nlp_transfer.models.reference import ModelReference
    from nlp_transfer.tasks.predictor import Predictor


@final
@dataclass(frozen=True)
class ImageClassification(Classification):
    """Classify images, by any encoder of images that transformers knows.

    Size, mean and deviation of the pixels are those of the model's processor, which is saved with it.

    Example:
        >>> ImageClassification().fit(load_corpus(CorpusConfig("pages"), kind="images")).label_names
        ['dark', 'light']
    """

    name: ClassVar[str] = NAME
    columns: ClassVar[Columns] = Columns(labels=True, kind=IMAGES)
    provides: ClassVar[frozenset[Output]] = Classification.provides - {Output.TOKENS}
    baseline_table: ClassVar[Mapping[str, Baseline]] = BASELINES
    baseline_names: ClassVar[tuple[str, ...]] = tuple(BASELINES)
    wording: ClassVar[Wording] = WORDING
    auto_class: ClassVar[str] = "AutoModelForImageClassification"

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """Return `ImagePredictor`."""
        from nlp_transfer.tasks.image_classification.predictor import ImagePredictor

        return ImagePredictor

    def fit(self, corpus: Corpus) -> "FittedImageClassification":
        """Return the task with the labels and class frequencies of `corpus`; raise DataError without labels."""
        return FittedImageClassification(self, corpus)


@final
class FittedImageClassification(FittedClassification):
    """A task of images that has read its corpus."""

    config: ImageClassification

    def load_tokenizer(self, reference: "ModelReference") -> Any:
        """Return the processor of a model's images."""
        from nlp_transfer.data.encoding.images import check_processor
        from nlp_transfer.models.image_processor_loading import load_image_processor

        processor = load_image_processor(reference)
        check_processor(processor)
        return processor

    def encode_split(self, split: str, rows: "Dataset", fingerprint: str, tokenizer: Any) -> "Dataset":
        """Return the pixels of one split; see `encode_images`."""
        from nlp_transfer.data.encoding.images import encode_images

        keep = (DOMAIN_COLUMN,) if DOMAIN_COLUMN in rows.column_names else ()
        return encode_images(rows, tokenizer, fingerprint=fingerprint, keep=keep)

    def example(self, row: dict[str, Any], tokenizer: Any) -> tuple[str, str]:
        """Return the labels and the size of one image."""
        height, width = self.collator(tokenizer).size
        return self.labels_of(row), f"{height} x {width} pixels"

    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """Return the encoder with a new head."""
        from transformers import AutoModelForImageClassification

        from nlp_transfer.models.loading import load_encoder_with_head

        return load_encoder_with_head(
            reference,
            label_names=self.label_names,
            problem_type=self.problem_type,
            auto_class=AutoModelForImageClassification,
        )

    def collator(self, tokenizer: Any, *, compiled: bool = False, seed: int = 0) -> Any:
        """Return the collator that normalises images."""
        from nlp_transfer.data.encoding.images import ImageCollator

        return ImageCollator(tokenizer)
