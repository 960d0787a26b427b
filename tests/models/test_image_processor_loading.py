"""Image processors are read from a model's folder, and always resize by Pillow."""

import numpy as np
import pytest
from PIL import Image

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.image_processor_loading import load_image_processor
from nlp_transfer.models.reference import ModelReference
from tests.tiny_images import tiny_image_encoder


def test_a_processor_is_pillows(tmp_path):
    processor = load_image_processor(ModelReference(str(tiny_image_encoder(tmp_path))))
    assert type(processor).__name__.endswith("Pil")
    image = Image.fromarray(np.arange(3 * 40 * 40, dtype=np.uint8).reshape(40, 40, 3))
    assert processor(images=[image], return_tensors="np")["pixel_values"].shape == (1, 3, 32, 32)


def test_a_folder_without_one_is_refused(tmp_path):
    (tiny_image_encoder(tmp_path) / "preprocessor_config.json").unlink()
    with pytest.raises(ConfigError, match=r"has no preprocessor_config\.json, which says how images are resized"):
        load_image_processor(ModelReference(str(tmp_path)))
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"its preprocessor_config\.json cannot be read"):
        load_image_processor(ModelReference(str(tmp_path)))
    with pytest.raises(ConfigError, match=r"there is no folder \./nowhere"):
        load_image_processor(ModelReference("./nowhere"))
