"""What counts as no text: nothing, white space, and characters that nobody sees.

A text of a byte order mark, a soft hyphen or zero-width spaces looks empty, and tokenizers make nothing of it.
"""

import pyarrow as pa
import pyarrow.compute as pc

_WITHOUT_WIDTH = (
    r"\p{Cc}\p{Cf}"  # controls, and formats such as U+200B, U+FEFF and U+00AD
    r"\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}"
    r"\x{E0100}-\x{E01EF}"  # what Unicode calls letters, marks or symbols and draws as nothing: fillers, selectors
)

INVISIBLE = rf"\p{{Z}}{_WITHOUT_WIDTH}"
"""The characters that nobody sees, as a class of RE2's."""

BLANK_PROBLEM = "is empty or has no visible character"
"""What messages say of such a text."""


def blank_mask(texts: pa.Array) -> pa.Array:
    """Whether texts have no visible character.

    Args:
        texts: strings, shape (rows,); nulls are not blank, they are missing.

    Returns:
        Booleans without nulls, shape (rows,).
    """
    visible = pc.match_substring_regex(texts, f"[^{INVISIBLE}]")
    return pc.invert(visible.fill_null(True))


def is_blank(text: str) -> bool:
    """Whether one text has no visible character."""
    return bool(blank_mask(pa.array([text], pa.string()))[0].as_py())


def visible_forms(texts: list[str]) -> list[str]:
    """Return texts as they look: composed, without invisible characters, each run of white space as one blank.

    Two texts with one form differ only in what nobody sees.
    """
    spaced = pc.replace_substring_regex(pa.array(texts, pa.string()), r"[\p{Z}\s]+", " ")
    seen = pc.replace_substring_regex(spaced, f"[{_WITHOUT_WIDTH}]", "")
    forms: list[str] = pc.utf8_normalize(pc.utf8_trim_whitespace(seen), form="NFC").to_pylist()
    return forms
