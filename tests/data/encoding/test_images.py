"""Images are encoded to the pixels that their processor makes, and a batch is what it would make of them at once."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value
from transformers import ConvNextImageProcessorPil, EfficientNetImageProcessorPil, MobileViTImageProcessorPil

from nlp_transfer import SplitConfig, corpus_from
from nlp_transfer.data.encoding.images import (
    ImageCollator,
    check_processor,
    encode_images,
    image_length,
    normalized,
    read_pixels,
    resized,
)
from nlp_transfer.data.validation.images import open_image
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.models.image_processor_loading import read_image_processor
from tests.tiny_images import SIZE, draw, images, in_files, png, tiny_image_encoder


@pytest.fixture(scope="module", params=["resnet", "vit"])
def processor(request, tmp_path_factory):
    folder = tiny_image_encoder(tmp_path_factory.mktemp(request.param), request.param)
    return read_image_processor("encoder", folder)


def corpus(count: int = 6, **options):
    return held(images(count, **options))


def held(rows):
    split = SplitConfig(method="given", validation=0.0)
    return corpus_from({"train": Dataset.from_list(rows)}, kind="images", split=split).splits["train"]


def test_a_batch_equals_what_the_processor_makes_at_once(processor):
    rows = corpus()
    encoded = encode_images(rows, processor, fingerprint="f")
    assert encoded.column_names == ["id", "pixels", "length", "labels"]
    batch = ImageCollator(processor)([encoded[i] for i in range(len(encoded))])
    opened = [open_image(image["bytes"]) for image in rows["image"]]
    expected = processor(images=opened, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(batch["pixel_values"], expected)
    assert batch["labels"].tolist() == [0, 1, 0, 1, 0, 1]
    assert encoded["length"][0] == SIZE * SIZE // 256 == image_length(expected[0].numpy())


def test_several_labels_are_multi_hot(processor):
    encoded = encode_images(corpus(multi_label=True), processor, fingerprint="several")
    batch = ImageCollator(processor)([encoded[i] for i in range(3)])
    assert batch["labels"].tolist() == [[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]


def test_rows_without_labels_and_no_rows(processor):
    rows = corpus().remove_columns("label")
    encoded = encode_images(rows, processor, fingerprint="unlabelled")
    assert set(ImageCollator(processor)([encoded[0]])) == {"pixel_values"}
    with pytest.raises(ValueError, match="at least one row"):
        ImageCollator(processor)([])


def test_a_file_that_changed_or_is_damaged_is_named(tmp_path, processor):
    named = in_files(images(4), tmp_path)
    rows = held(named)
    Path(named[1]["image"]).write_bytes(png(draw("dark", torch.Generator())))
    with pytest.raises(DataError) as error:
        encode_images(rows, processor, fingerprint="changed")
    assert str(error.value) == f"image {named[1]['image']} has changed while it was read. Mend or remove such images."
    half = {"bytes": images(1)[0]["image"]["bytes"][:200], "path": None}
    pixels, problems = read_pixels([half, {"bytes": None, "path": named[0]["image"]}], processor)
    assert len(pixels) == 1
    assert list(problems) == [0]
    assert problems[0].startswith("is cut off or damaged (")


@pytest.mark.parametrize(
    "processor",
    [
        MobileViTImageProcessorPil(),  # turns the channels round
        EfficientNetImageProcessorPil(size={"height": 40, "width": 40}),  # normalises twice
        ConvNextImageProcessorPil(size={"shortest_edge": 384}),
    ],
    ids=lambda one: type(one).__name__,
)
def test_processors_that_do_more(processor):
    height, width = check_processor(processor)
    image = draw("light", torch.Generator().manual_seed(1))
    whole = np.asarray(processor(images=[image], return_tensors="np")["pixel_values"])
    assert whole.shape == (1, 3, height, width)
    np.testing.assert_allclose(normalized([resized(image, processor)], processor), whole, atol=0.02)


def test_a_processor_that_makes_images_of_several_sizes_is_refused():
    class Unequal(ConvNextImageProcessorPil):
        def __call__(self, images, **options):
            self.do_resize = False
            return super().__call__(images, **options)

    with pytest.raises(ConfigError, match=r"^model: its image processor, a Unequal, makes images of different sizes\."):
        check_processor(Unequal(do_resize=False))


def test_a_processor_that_reads_no_image_is_refused():
    class Silent(ConvNextImageProcessorPil):
        def __call__(self, images, **options):
            raise ValueError("no clusters")

    with pytest.raises(ConfigError, match=r"reads no single image \(no clusters\)\.$"):
        check_processor(Silent())


def test_other_settings_are_other_pixels(tmp_path):
    folder = tiny_image_encoder(tmp_path)
    sizes = []
    for edge in (32, 48):
        settings = json.loads((folder / "preprocessor_config.json").read_text())
        (folder / "preprocessor_config.json").write_text(json.dumps(settings | {"size": {"shortest_edge": edge}}))
        encoded = encode_images(corpus(), read_image_processor("encoder", folder), fingerprint="sizes")
        sizes.append(len(encoded[0]["pixels"]))
    assert sizes == [3 * 32 * 32, 3 * 48 * 48]


def test_the_domain_of_merged_sources_is_kept(processor):
    rows = corpus()
    features = Features({**rows.features, "domain": ClassLabel(names=["a", "b"])})
    merged = Dataset.from_dict({**rows.to_dict(), "domain": [0, 1] * 3}, features=features)
    assert encode_images(merged, processor, fingerprint="domains", keep=("domain",))["domain"][:] == [0, 1] * 3
    assert features["id"] == Value("string")
