"""The language of texts, which stays open where it cannot be told."""

from nlp_transfer.metrics.language import languages

GERMAN = "Der Nutzer darf die Software kopieren und verändern, wenn der Hinweis auf den Urheber in allen Kopien bleibt."
FRENCH = "Le bailleur remet au preneur les clés du logement à la signature du bail, après paiement du premier loyer."
ENGLISH = "Permission is granted to any person who obtains a copy of this software to use it without any restriction."


def test_languages() -> None:
    assert languages([GERMAN, FRENCH, ENGLISH]) == ["de", "fr", "en"]


def test_what_cannot_be_told_stays_open() -> None:
    assert languages(["", "MIT", GERMAN[:60], "12.5 % (34) " * 12]) == [None] * 4
