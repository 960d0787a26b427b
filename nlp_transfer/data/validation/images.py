"""Read images as people see them: upright, in RGB, without transparency. A bad one is named with its reason.

An image is held as `datasets.Image` holds it: `bytes`, or the `path` of its file.
"""

import io
import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nlp_transfer.data.corpus import DIGEST, IMAGE
from nlp_transfer.data.validation.row_errors import RowErrors
from nlp_transfer.data.validation.strings import article
from nlp_transfer.files import utf8_problem

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = {"image": IMAGE, "label": "label", "labels": "labels"}
"""Columns of a corpus of images, and the columns that they become."""

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif")
"""Suffixes of image files."""

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
"""Formats that Pillow reads without another program."""

_PDF = b"%PDF"
_MAX_NAMES = 5  # maximum number of images that a message names for one reason

Held = dict[str, Any]
"""An image as `bytes`, or as the `path` of its file; the other is None."""

FindFile = Callable[[str], Path]
"""The name of a file in a row to its path; raises `BadImage`."""


def any_file(name: str) -> Path:
    """Return the path of a file that a user's own rows name."""
    return Path(name).expanduser()


class BadImage(ValueError):
    """A value that is no image; the text is the reason, without a full stop."""


def files_inside(folder: Path) -> FindFile:
    """Return the function that finds files by their path in a folder, and refuses paths that lead out of it.

    Example:
        >>> files_inside(Path("corpus"))("../run.yaml")
        Traceback (most recent call last):
        nlp_transfer.data.validation.images.BadImage: leads out of the folder corpus
    """
    root = folder.resolve()

    def find(name: str) -> Path:
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise BadImage(f"leads out of the folder {folder}")
        return path

    return find


def held_image(value: Any, find_file: FindFile | None) -> Held:
    """Return an image as it is held, which need not be readable.

    Args:
        value: the path of a file, a Pillow image, or a dict of `bytes` and `path`.
        find_file: finds files by name; None refuses names, as of rows that come from elsewhere.

    Raises:
        BadImage: it is none of these, or there is no such file.
    """
    if isinstance(value, dict) and value.get("bytes"):
        return {"bytes": value["bytes"], "path": None}
    name: Any = value.get("path") if isinstance(value, dict) else value
    if hasattr(name, "getexif"):
        file = io.BytesIO()
        _as_seen(name).save(file, "PNG")
        return {"bytes": file.getvalue(), "path": None}
    if not isinstance(name, str | os.PathLike):
        kind = type(value).__name__
        raise BadImage(f"is {article(kind)} {kind}, no path of a file")
    if find_file is None:
        raise BadImage("is the name of a file, and these rows come without files")
    try:
        path = find_file(os.fspath(name))
        if not path.exists():
            raise BadImage("does not exist")
        if not path.is_file():
            raise BadImage("is no file")
    except (OSError, ValueError) as error:  # a name that is too long, or holds a NUL
        raise error if isinstance(error, BadImage) else BadImage(f"cannot be read ({error})") from error
    return {"bytes": None, "path": str(path)}


def content_of(image: Held) -> bytes:
    """Return the bytes of an image's file; raise `BadImage` if they cannot be read."""
    if image["bytes"] is not None:
        return bytes(image["bytes"])
    try:
        return Path(image["path"]).read_bytes()
    except OSError as error:
        raise BadImage(f"cannot be read ({error.strerror or error})") from error


def check_image(content: bytes) -> None:
    """Raise `BadImage` for bytes that do not begin as one image in a known format; pixels are not read."""
    _opened(content)


def open_image(content: bytes) -> "Image":
    """Return an image upright and in RGB, transparent parts white; raise `BadImage` for damaged bytes.

    The orientation is that of its EXIF data. Grey values of 16 bits are scaled to 8.
    """
    return _as_seen(_opened(content))


def _as_seen(image: "Image") -> "Image":
    """Return an image of Pillow upright and in RGB, transparent parts white; raise `BadImage` for a damaged one."""
    from PIL import Image, ImageOps

    _check_frames(image)
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
    except Exception as error:  # Pillow's decoders raise many kinds
        raise BadImage(f"is cut off or damaged ({' '.join(str(error).split())[:100]})") from error
    if upright.mode.startswith("I"):  # Pillow would cut all values above 255
        grey = np.asarray(upright).astype(np.int64) // 257
        return Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")
    if upright.mode == "F":
        raise BadImage("has fractions as pixels; save it with 8 or 16 bits")
    if upright.has_transparency_data:
        page = Image.new("RGBA", upright.size, "white")
        return Image.alpha_composite(page, upright.convert("RGBA")).convert("RGB")
    return upright.convert("RGB")


def _opened(content: bytes) -> "Image":
    """Return an image whose pixels are not read yet; raise `BadImage`."""
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise BadImage("is empty")
    if content.startswith(_PDF):
        raise BadImage("is a PDF file; make images of its pages, for instance with `pdftoppm -png`")
    too_many = f"has more than {Image.MAX_IMAGE_PIXELS or math.inf:,} pixels"
    try:
        Image.init()  # else the plugins of some formats are not there
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        _check_frames(image)
    except BadImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImage(too_many) from error
    except UnidentifiedImageError as error:
        raise BadImage(f"is no image of a known format ({', '.join(FORMATS)})") from error
    except Exception as error:
        raise BadImage(f"is cut off or damaged ({' '.join(str(error).split())[:100]})") from error
    if math.prod(image.size) > (Image.MAX_IMAGE_PIXELS or math.inf):  # of which Pillow only warns up to twice as many
        raise BadImage(too_many)
    return image


def _check_frames(image: "Image") -> None:
    """Raise `BadImage` for an image of several pages or frames."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # photographs with a preview
        raise BadImage(f"has {frames} pages or frames, and a row is one image; save each as a file of its own")


def convert_columns(
    columns: dict[str, Any], first: int, errors: RowErrors, facts: Counter[str], find_file: FindFile | None = None
) -> dict[str, Any]:
    """Return the columns with images as they are held, their names as `text` and digests; see `RowKind.convert`."""
    if IMAGE not in columns:
        return columns
    given = columns[IMAGE]
    values = given if isinstance(given, list) else given.to_pylist()
    names: list[str | None] = []
    images: list[Held | None] = []
    digests: list[str | None] = []
    bad: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row, value in enumerate(values, first):
        name = None if value is None else image_name(value, row)
        image = digest = None
        if name is not None and name.strip():  # others are named as missing
            try:
                image = held_image(value, find_file)
                content = content_of(image)
                check_image(content)
                digest = sha256(content).hexdigest()
            except BadImage as error:
                bad[str(error)].append((row, name))
        names.append(name)
        images.append(image)
        digests.append(digest)
    for reason, rows in bad.items():
        errors.add(f"image {listed([name for _, name in rows])} {reason}", ADVICE, [row for row, _ in rows])
    return {**columns, "text": names, IMAGE: images, DIGEST: digests}


def checked_images(values: list[Any], first: int, errors: RowErrors, find_file: FindFile | None) -> list[Held | None]:
    """Return images as they are held; those whose pixels cannot be read are recorded, one problem each."""
    images: list[Held | None] = []
    for row, value in enumerate(values, first):
        held = None
        try:
            if value is None or not image_name(value, row).strip():
                raise BadImage("is missing")
            held = held_image(value, find_file)
            open_image(content_of(held))
        except BadImage as error:
            name = "" if value is None else image_name(value, row)
            errors.add(" ".join(f"image {name} {error}".split()), ADVICE, [row])
        images.append(held)
    return images


ADVICE = "Mend or remove such images."


def image_name(value: Any, row: int) -> str:
    """Return the name of an image for messages and predictions: of its file, else its number."""
    name = value.get("path") if isinstance(value, dict) else value
    if isinstance(name, str | os.PathLike) and not utf8_problem(os.fspath(name)):
        return os.fspath(name)
    return f"number {row}"


def listed(names: list[str]) -> str:
    """Return the first names of several.

    Example:
        >>> listed(["a.png", "b.png"])
        'a.png, b.png'
    """
    return ", ".join(names[:_MAX_NAMES]) + (", …" if len(names) > _MAX_NAMES else "")


def typed_columns(columns: dict[str, Any], texts: pa.Array, first: int, errors: RowErrors) -> dict[str, pa.Array]:
    """Return the images of the rows and the digests of their files; see `RowKind.typed`."""
    held = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return {IMAGE: pa.array(columns[IMAGE], held), DIGEST: pa.array(columns[DIGEST], pa.string())}
