"""Images are read as people see them, and bad ones named with their file and reason."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset, Features, Value
from datasets import Image as ImageFeature
from PIL import Image

from nlp_transfer import CorpusConfig, SplitConfig, corpus_from, load_corpus
from nlp_transfer.data.validation.images import BadImage, check_image, files_inside, held_image, open_image
from nlp_transfer.errors import ConfigError, DataError

ONE_SPLIT = SplitConfig(validation=0.0, test=0.25, method="stratified")


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def grey(value: int, size: tuple[int, int] = (4, 2)) -> Image.Image:
    return Image.new("L", size, value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_each_format_is_read(kind: str) -> None:
    content = saved(Image.new("RGB", (4, 2), (250, 0, 0)), kind)
    check_image(content)
    image = open_image(content)
    assert (image.mode, image.size) == ("RGB", (4, 2))
    red = np.asarray(image)[..., 0]
    assert (red > 200).all()


def test_a_photograph_lies_as_its_camera_was_held() -> None:
    image, exif = Image.new("RGB", (4, 2), "white"), Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    assert open_image(saved(image, "JPEG", exif=exif)).size == (2, 4)


def test_what_is_transparent_is_white() -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((0, 0), (0, 0, 0, 255))
    assert np.asarray(open_image(saved(image)))[0, :, 0].tolist() == [0, 255]


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    assert np.asarray(open_image(saved(Image.fromarray(values))))[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"no image at all", "is no image of a known format (PNG, JPEG, TIFF, WEBP, BMP, GIF)"),
        (b"%PDF-1.7 ...", "is a PDF file; make images of its pages, for instance with `pdftoppm -png`"),
        (
            saved(grey(0), "TIFF", save_all=True, append_images=[grey(1), grey(2)]),
            "has 3 pages or frames, and a row is one image; save each as a file of its own",
        ),
    ],
)
def test_what_is_no_single_image_has_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(BadImage) as error:
        check_image(content)
    assert str(error.value) == reason


def test_a_file_that_is_cut_off_is_found_when_it_is_opened() -> None:
    content = saved(Image.effect_noise((64, 64), 50))
    check_image(content[: len(content) // 2])
    with pytest.raises(BadImage, match=r"^is cut off or damaged \(.*truncated"):
        open_image(content[: len(content) // 2])


def test_an_image_of_too_many_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    with pytest.raises(BadImage, match=r"^has more than 7 pixels$"):
        check_image(saved(grey(0)))


def test_no_path_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    (folder / "pages").mkdir(parents=True)
    (folder / "pages" / "a.png").write_bytes(saved(grey(0)))
    (tmp_path / "secret.png").write_bytes(saved(grey(0)))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    find = files_inside(folder)
    inside = str((folder / "pages/a.png").resolve())
    assert held_image("pages/a.png", find) == held_image(inside, find) == {"bytes": None, "path": inside}
    for name in ("../secret.png", str(tmp_path / "secret.png"), "link.png", "pages/../../secret.png"):
        with pytest.raises(BadImage, match=r"^leads out of the folder "):
            held_image(name, find)
    for name, reason in (("no.png", "does not exist"), ("pages", "is no file"), ("a\0b", "cannot be read")):
        with pytest.raises(BadImage, match=reason):
            held_image(name, find)


def test_values_that_name_no_image() -> None:
    with pytest.raises(BadImage, match=r"^is a float, no path of a file$"):
        held_image(3.5, Path)
    with pytest.raises(BadImage, match=r"^is an int, no path of a file$"):
        held_image(3, Path)
    with pytest.raises(BadImage, match=r"^is the name of a file, and these rows come without files$"):
        held_image("a.png", None)
    assert open_image(held_image(grey(7), None)["bytes"]).getpixel((0, 0)) == (7, 7, 7)


def test_images_of_pillow_are_read_as_their_files(tmp_path: Path) -> None:
    image, exif = Image.effect_noise((6, 4), 80).convert("RGB"), Image.Exif()
    exif[0x0112] = 6
    contents = {
        "turned": saved(image, "PNG", exif=exif),
        "cmyk": saved(image.convert("CMYK"), "TIFF"),
        "clear": saved(image.convert("RGBA")),
        "grey16": saved(Image.fromarray(np.array([[0, 65535]], np.uint16))),
    }
    for content in contents.values():
        held = held_image(Image.open(io.BytesIO(content)), None)
        assert open_image(held["bytes"]).tobytes() == open_image(content).tobytes()
    several = saved(grey(0), "TIFF", save_all=True, append_images=[grey(1)])
    with pytest.raises(BadImage, match=r"^has 2 pages or frames"):
        held_image(Image.open(io.BytesIO(several)), None)
    half = saved(Image.effect_noise((64, 64), 50))[:500]
    with pytest.raises(BadImage, match=r"^is cut off or damaged"):
        held_image(Image.open(io.BytesIO(half)), None)


def test_descriptions_are_no_images(tmp_path: Path) -> None:
    file = table(tmp_path, pages(tmp_path))
    with pytest.raises(ConfigError, match=r"^source\.descriptions are texts, and the rows of this task are images\."):
        load_corpus(CorpusConfig(str(file), descriptions={"a": "dark", "b": "light"}), kind="images")


def table(folder: Path, rows: list[tuple[str, str]]) -> Path:
    lines = "".join(f"{name},{label}\n" for name, label in rows)
    (folder / "rows.csv").write_text(f"image,label\n{lines}")
    return folder / "rows.csv"


def pages(folder: Path, count: int = 8) -> list[tuple[str, str]]:
    folder.mkdir(exist_ok=True)
    for i in range(count):
        (folder / f"{i}.png").write_bytes(saved(grey(20 * i)))
    return [(f"{i}.png", "ab"[i % 2]) for i in range(count)]


def test_rows_with_a_path_become_a_corpus(tmp_path: Path) -> None:
    file = table(tmp_path, pages(tmp_path))
    corpus = load_corpus(CorpusConfig(str(file), split=ONE_SPLIT), kind="images")
    assert corpus.label_names == ["a", "b"]
    row = corpus.splits["train"][0]
    assert row["image"] == {"bytes": None, "path": str(tmp_path / row["text"])}
    assert len(row["digest"]) == 64


def test_another_file_is_another_corpus(tmp_path: Path) -> None:
    file = table(tmp_path, pages(tmp_path))
    first = load_corpus(CorpusConfig(str(file), split=ONE_SPLIT), kind="images").fingerprint
    assert load_corpus(CorpusConfig(str(file), split=ONE_SPLIT), kind="images").fingerprint == first
    (tmp_path / "3.png").write_bytes(saved(grey(99)))
    assert load_corpus(CorpusConfig(str(file), split=ONE_SPLIT), kind="images").fingerprint != first


def test_all_bad_images_are_named_at_once(tmp_path: Path) -> None:
    good = pages(tmp_path)
    (tmp_path / "text.png").write_text("text")
    file = table(tmp_path, [*good, ("text.png", "a"), ("no.png", "b"), ("gone.png", "b"), ("../x.png", "a"), ("", "a")])
    with pytest.raises(DataError) as error:
        load_corpus(CorpusConfig(str(file)), kind="images")
    assert set(error.value.problems) == {
        f"{file}: row 10: image text.png is no image of a known format (PNG, JPEG, TIFF, WEBP, BMP, GIF). "
        "Mend or remove such images.",
        f"{file}: rows 11 and 12: image no.png, gone.png does not exist. Mend or remove such images.",
        f"{file}: row 13: image ../x.png leads out of the folder {tmp_path}. Mend or remove such images.",
        f"{file}: row 14: image is empty or has no visible character. Every row needs an image: mend or remove these rows, or set "
        "source.drop_empty: true.",
    }


def test_a_file_of_texts_has_no_images(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\nsome words,a\nmore words,b\n")
    with pytest.raises(DataError, match=r"there is no column 'image'; columns found: text, label"):
        load_corpus(CorpusConfig(str(tmp_path / "rows.csv")), kind="images")


def test_images_for_a_task_of_texts_name_the_task(tmp_path: Path) -> None:
    file = table(tmp_path, pages(tmp_path))
    with pytest.raises(DataError, match=r"no column 'text'; .* These rows are images: set task\.name: image_class"):
        load_corpus(CorpusConfig(str(file)))


def test_frames_name_files_and_datasets_hold_images(tmp_path: Path) -> None:
    rows = [(str(tmp_path / name), label) for name, label in pages(tmp_path)]
    frame = pd.DataFrame(rows, columns=["image", "label"])
    by_path = corpus_from({"train": frame}, kind="images", split=SplitConfig(validation=0.0))
    features = Features({"image": ImageFeature(), "label": Value("string")})
    held = Dataset.from_dict({"image": list(frame["image"]), "label": list(frame["label"])}, features=features)
    by_bytes = corpus_from({"train": held}, kind="images", split=SplitConfig(validation=0.0))
    assert list(by_path.splits["train"]["digest"]) == list(by_bytes.splits["train"]["digest"])


def test_equal_files_stay_in_one_split_and_are_counted(tmp_path: Path) -> None:
    rows = pages(tmp_path, 40)
    for i in range(20, 40):
        (tmp_path / f"{i}.png").write_bytes((tmp_path / f"{i - 20}.png").read_bytes())
    corpus = load_corpus(CorpusConfig(str(table(tmp_path, rows))), kind="images")
    digests = {name: {*split["digest"]} for name, split in corpus.splits.items()}
    assert not digests["train"] & digests["test"]
    notes = " ".join(corpus.notes)
    assert "only equal files are alike; near copies stay together by `grouped`" in notes
    assert "Groups of alike images, which stay within one split" in notes
    assert "test: no image is an exact copy of a training image." in notes
