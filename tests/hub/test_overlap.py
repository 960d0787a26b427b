"""Runs of 8 words of the corpus are found, whatever their layout and spelling; 7 are not."""

import unicodedata

import pytest

from nlp_transfer.hub.overlap import shared_runs

EIGHT = "The tenant shall pay rent on the first"


def test_eight_words_are_found_and_shown_with_their_line() -> None:
    (found,) = shared_runs(
        [("README.md", f"# A card\n\nIt says:\n> {EIGHT} of May.")], ["Nothing.", f"Whereas {EIGHT} day of each month."]
    )
    assert (found.kind, found.file, found.line) == ("corpus", "README.md", 4)
    assert found.what == "9 words that stand in the corpus" or found.text.endswith(EIGHT)
    assert found.text == EIGHT


def test_longer_runs_are_one_finding() -> None:
    text = f"{EIGHT} day of each month"
    (found,) = shared_runs([("config.json", text)], [f"Here {text}, always."])
    assert (found.what, found.text) == ("12 words that stand in the corpus", text)


def test_two_runs_are_two_findings() -> None:
    other = "no waiver shall be deemed a continuing waiver"
    found = shared_runs([("README.md", f"{EIGHT}\nand so on\n{other}")], [EIGHT, other])
    assert [(one.line, one.text) for one in found] == [(1, EIGHT), (3, other)]


def test_seven_words_are_not() -> None:
    assert shared_runs([("README.md", EIGHT.rpartition(" ")[0])], [EIGHT]) == []


@pytest.mark.parametrize(
    "corpus",
    [
        "THE TENANT SHALL PAY RENT ON THE FIRST",
        "the tenant, shall pay\nrent -- on the (first)",
        "The_tenant_shall_pay_rent_on_the_first",
    ],
)
def test_layout_hides_nothing(corpus: str) -> None:
    assert len(shared_runs([("README.md", EIGHT)], [corpus])) == 1


def test_scripts_without_spaces_are_read_character_by_character() -> None:
    assert (
        len(shared_runs([("README.md", "见:承租人应当按月支付租金。")], ["合同约定承租人应当按月支付租金和押金"])) == 1
    )


def test_a_run_does_not_go_over_the_ends_of_texts() -> None:
    assert shared_runs([("README.md", EIGHT)], ["The tenant shall pay", "rent on the first"]) == []


def test_nothing_to_compare() -> None:
    assert shared_runs([], [EIGHT]) == []
    assert shared_runs([("README.md", "")], [EIGHT, ""]) == []
    assert shared_runs([("README.md", EIGHT)], []) == []


GERMAN = "der Mieter muß die Straße für Bürger öffnen"


@pytest.mark.parametrize(
    ("corpus", "published"),
    [
        ("ABout the McDonald farm as it was then", "about the mcdonald farm as it was then"),
        ("notice to AT&amp;T of a tenant&#39;s default", "notice to AT&T of a tenant's default"),
        ("notice to AT&T of a tenant's default", "notice to AT&amp;T of a tenant&rsquo;s default"),
        (GERMAN, unicodedata.normalize("NFD", GERMAN)),
        (unicodedata.normalize("NFD", GERMAN), GERMAN),
        (GERMAN, "DER MIETER MUSS DIE STRASSE FÜR BÜRGER ÖFFNEN"),
        (EIGHT, "The ten\u00adant sh\u200ball pay rent on the first"),
        ("The ten\u00adant sh\ufeffall pay rent on the first", EIGHT),
        ("the first officer shall file the final notice", "the ﬁrst oﬃcer shall ﬁle the ﬁnal notice"),
        (EIGHT, "Ｔｈｅ tenant shall pay rent on the first"),
        (
            "한국 사람 은 매달 첫날 에 집세 를",
            unicodedata.normalize("NFD", "한국 사람 은 매달 첫날 에 집세 를"),
        ),
        ("γ Σοφος Ηταν Ο ΜΙΣΘΩΤΗΣ και το σπιτι", "γ σοφος ηταν ο μισθωτης και το σπιτι"),
        (EIGHT, "Thé tènant shåll päy rënt ön thê fïrst"),
        ("Thé tènant shåll päy rënt ön thê fïrst", EIGHT),
        (EIGHT, unicodedata.normalize("NFD", "Thé tènant shåll päy rënt ön thê fïrst")),
        (unicodedata.normalize("NFD", "Thé tènant shåll päy rënt ön thê fïrst"), EIGHT),
        ("if a < b the tenant shall pay rent on the first", "if a &lt; b the tenant shall pay rent on the first"),
        ("if a <b the tenant shall pay c> on the first", "if a <b the tenant shall pay c> on the first"),
        ("İstanbul is where the tenant pays the rent", "i̇stanbul is where the tenant pays the rent"),
    ],
)
def test_another_spelling_hides_nothing(corpus: str, published: str) -> None:
    (found,) = shared_runs([("README.md", f"one\n\n=> {published}: two")], [f"Since, {corpus}."])
    assert (found.line, found.text) == (3, " ".join(published.split()))


@pytest.mark.parametrize("published", ["TheTenantShallPayRentOnThe", "The tenant&nbsp;shall pay rent on the"])
def test_seven_words_spelled_otherwise_are_not(published: str) -> None:
    assert shared_runs([("README.md", published)], [EIGHT]) == []
