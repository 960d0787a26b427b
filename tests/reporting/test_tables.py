"""The same cells in a terminal and in Markdown."""

import io

import pytest
from rich.console import Console

from nlp_transfer.reporting.tables import console, to_markdown, to_rich
from nlp_transfer.tasks.blocks import Table, escape_markdown


def shown(table, width=100):
    out = io.StringIO()
    Console(file=out, width=width).print(to_rich(table))
    return out.getvalue()


def test_markdown():
    table = Table("t", ["class", "F1"], [["a|b", "0.5"], ["*x*\ny", "1.0"]])
    assert to_markdown(table) == "| class | F1 |\n| :--- | ---: |\n| a\\|b | 0.5 |\n| \\*x\\* y | 1.0 |\n"


def test_markdown_puts_the_group_into_the_heading():
    table = Table("", ["class", "P", "F1"], [["a", "1", "2"]], groups=["", "svm", "svm"])
    assert to_markdown(table).splitlines()[0] == "| class | svm P | svm F1 |"


def test_terminal_shows_texts_not_markup():
    text = shown(Table("[b]title", ["class", "F1"], [["[/red]", "0.5"]]))
    assert "[b]title" in text
    assert "[/red]" in text


def test_terminal_puts_the_group_over_its_middle_column():
    table = Table("", ["class", "P", "R", "F1"], [["a", "0.111", "0.222", "0.333"]], groups=["", *["model"] * 3])
    head = [line for line in shown(table).splitlines() if line.strip()][:2]
    assert head[0].split() == ["model"]
    assert head[0].index("model") + 5 == head[1].index("R") + 1  # right-aligned over R


@pytest.mark.parametrize("width", [24, 40, 60, 100])
def test_long_names_are_cut_and_numbers_are_not(width):
    name = "a class with a very long name that no terminal has room for"
    text = shown(Table("", ["class", "P", "F1"], [[name, "0.111", "0.222"]]), width)
    line = next(line for line in text.splitlines() if "0.111" in line)
    assert "…" in line
    assert line.split()[-2:] == ["0.111", "0.222"]
    assert all(len(line) <= width for line in text.splitlines())
    assert name in to_markdown(Table("", ["class", "P", "F1"], [[name, "0.111", "0.222"]]))


def test_lengths_are_checked():
    with pytest.raises(ValueError, match=r"A table of 2 columns has rows or groups of \[1, 2\] cells"):
        Table("", ["a", "b"], [["1", "2"], ["1"]])


def test_piped_console_has_a_fixed_width_and_no_colour():
    out = io.StringIO()
    piped = console(out)
    assert piped.width == 100
    piped.print("[bold]x[/bold]")
    assert out.getvalue() == "x\n"


def test_escape_markdown():
    assert escape_markdown("<b> `x` [y]") == r"\<b\> \`x\` \[y\]"
