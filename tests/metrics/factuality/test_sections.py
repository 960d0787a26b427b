"""References, lists of them, and headings."""

from nlp_transfer.metrics.factuality.sections import section_items


def read(text: str) -> list[str]:
    return [text[item.start : item.end] for item in section_items(text, bytearray(len(text))) if item.needs]


def vouched(text: str) -> set:
    return {value for item in section_items(text, bytearray(len(text))) for value in item.vouches}


def test_spellings_of_one_place():
    for written in ("Section 4.2(a)", "Sec. 4.2(a)", "§ 4.2 (a)", "§4.2(a)", "clause 4.2(a)", "sections 4.2(a)"):
        assert read(written) == [written]
        assert {("section", "4"), ("section", "4", "2"), ("section", "4", "2", "a")} <= vouched(written)
    assert vouched("Article IV") == vouched("Art. 4") == {("article", "4")}
    assert ("exhibit", "b", "1") in vouched("Exhibit B-1")


def test_members_of_a_list_are_items():
    assert read("Sections 3, 4(b) and 5 apply") == ["Sections 3", "4(b)", "5"]
    assert read("under Section 12.212 or 48 C.F.R. 2") == ["Section 12.212"]
    assert read("Section 4, 5 days later") == ["Section 4"]
    assert read("Section 4, 5 March 2020") == ["Section 4"]


def test_a_range_vouches_for_what_is_between():
    assert {("section", "7"), ("section", "8"), ("section", "9")} <= vouched("§§ 7-9")
    assert ("section", "9", "102") in vouched("Section 9-102")


def test_headings_can_be_referred_to():
    assert ("heading", "4") in vouched("It ends.\n4. Assignment\nNobody may.")
    assert {("heading", "1"), ("heading", "1", "2")} <= vouched('1.2 "Contributor" means')
    assert ("heading", "2") in vouched("II. RENT")


def test_numbers_of_headings_are_no_quantities():
    text = "It ends.\n4. Assignment within\n30 Days"
    taken = bytearray(len(text))
    list(section_items(text, taken))
    assert taken[text.index("4")] == 1
    assert taken[text.index("30")] == 0


def test_what_is_no_reference():
    assert read("this section applies; the article is; a part of it; Sections thereof; parties 3") == []
