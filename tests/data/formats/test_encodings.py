"""Encodings: what is detected, what is only suggested, and what is declared."""

import io

import pytest

from nlp_transfer.data.formats.encodings import UTF_8, Encoding, detect_encoding, marked_encoding

GERMAN = "Der Käufer trägt „sofort“ die Kosten; § 3 gilt für größere Mängel.\n"
CZECH = "Kupující je povinen zaplatit řádně a včas; žádný příspěvek se nevrací, prodávající může odstoupit.\n"


def detect(content: bytes, declared: str | None = None) -> Encoding:
    return detect_encoding(io.BytesIO(content), "a.csv", declared)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_needs_no_note(encoding: str) -> None:
    assert detect(GERMAN.encode(encoding)) == Encoding()
    assert detect(b"plain") == Encoding() == detect(b"")


def test_windows_1252_is_detected_with_an_example() -> None:
    known = detect(b"Plain line\n" * 200_000 + GERMAN.encode("cp1252"))
    assert known.codec == "cp1252"
    assert known.note == (
        "a.csv is not UTF-8 and read as Windows-1252 ('Käufer trägt'). Set `encoding` if that is wrong."
    )
    assert detect(b"caf\xe9").codec == "cp1252"  # the same in all code pages that it may be
    assert detect("the owner’s “heirs”".encode("cp1252")).codec == "cp1252"


@pytest.mark.parametrize(
    ("text", "encoding", "advice"),
    [
        (CZECH, "cp1250", "Set `encoding`, such as cp1250 ('Kupující je') or cp1252 ('Kupující je'), or convert"),
        ("Der Käufer trägt die Kosten", "mac_roman", "such as mac-roman ('Käufer trägt') or cp1252 ('KŠufer trŠgt')"),
        ("Покупатель обязан оплатить", "cp1251", "such as cp1251 ('Покупатель обязан') or cp1252 ("),
        ("Ein Ergebnis benötigt eine Eingabe", "cp437", "or cp1252 ('ben”tigt eine')"),
    ],
)
def test_other_encodings_are_suggested(text: str, encoding: str, advice: str) -> None:
    known = detect(text.encode(encoding))
    assert known.codec == UTF_8 and known.note == "" and advice in known.advice


def test_a_file_of_two_encodings_is_no_guess() -> None:
    known = detect(GERMAN.encode() + GERMAN.encode("cp1252"))
    assert known.codec == UTF_8
    assert known.advice == "Other lines are UTF-8: mend this one, or set `encoding` for the whole file."


def test_a_declaration_is_of_text_that_shows_no_encoding() -> None:
    assert detect(CZECH.encode("cp1250"), "cp1250") == Encoding("cp1250", "a.csv is read as cp1250.")
    assert detect("買主".encode("iso-2022-jp"), "iso-2022-jp").codec == "iso-2022-jp"  # which is ASCII
    assert detect(GERMAN.encode(), "cp1252") == Encoding(note="a.csv is UTF-8 and read as such, not as cp1252.")
    assert detect(GERMAN.encode(), "utf8") == Encoding()
    assert detect(GERMAN.encode("utf-16"), "cp1252") == Encoding("utf-16", "a.csv is read as UTF-16.")


def test_marks() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        assert marked_encoding("text".encode(encoding)) == encoding
    for start in (b"", b"a\0b\n", b"text", "ÿþ".encode()):
        assert marked_encoding(start) is None
