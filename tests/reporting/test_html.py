"""The report as a page: whole, safe, by itself, and read by a browser."""

import re
import shutil
import subprocess
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.reporting.html import block_html, report_page, section_html
from nlp_transfer.tasks.blocks import Alert, Figure, Section, Table, Text
from nlp_transfer.tasks.charts import Bars, Curves, Points
from nlp_transfer.tasks.classification.figures import (
    accuracy_by_length,
    reliability,
    risk_coverage,
    scores_by_frequency,
)
from tests.reporting.sections.reports import small_report
from tests.tasks.test_charts import CHART_EXAMPLES

SCRIPT = "<script>alert(1)</script>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Reader(HTMLParser):
    """Collect tags, ids, headings and what an element names elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("href", "src", "xlink:href"):
                self.links.append(str(value))


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def scores(names=("copyleft", SCRIPT), seed=0):
    chosen = np.random.default_rng(seed).integers(0, len(names), (2, 40))
    return classification_metrics(chosen[0], chosen[1], list(names), multi_label=False)


def whole_report(**changes):
    systems = {"source": {"validation": scores(), "test": scores(seed=1)}}
    figures = Section("Charts", tuple(Figure(chart, f"alt {SCRIPT}", f"caption {SCRIPT}") for chart in CHART_EXAMPLES))
    findings = (figures, Section(SCRIPT, (Table(SCRIPT, [SCRIPT], [[SCRIPT]]), Alert(SCRIPT))))
    values = {"title": SCRIPT, "metrics": systems, "baselines": {"majority": systems}, "findings": findings}
    return small_report(**{**values, "warnings": (SCRIPT,), "versions": {"torch": "2.13"}, **changes})


def test_every_section_is_there():
    page = report_page(whole_report(paths={"model": "runs/a/model"}))
    headings = re.findall(r'<h2 id="([^"]*)">([^<]*)</h2>', page)
    assert [title for _, title in headings] == [
        "Results",
        "Corpora",
        "Method",
        "Findings",
        "Cost",
        "Versions",
        "Use",
        "Configuration",
    ]
    assert [f'<a href="#{anchor}">{title}</a>' for anchor, title in headings] == re.findall(
        r'<a href="#[^"]*">[^<]*</a>', page
    )


def test_what_a_corpus_names_is_text():
    page = report_page(whole_report())
    assert "<script" not in page and "alert(1)" in page
    assert {"script", "img", "iframe", "object", "link", "form"} & set(read(page).tags) == set()


def test_the_page_stands_by_itself():
    page = report_page(whole_report())
    assert "default-src 'none'" in page
    assert not re.findall(r"https?://", page)
    assert all(link.startswith("#") for link in read(page).links)


def test_the_parts_of_pictures_have_names_of_their_own():
    reader = read(report_page(whole_report()))
    assert len(reader.ids) == len(set(reader.ids))
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)


def test_a_figure_has_its_text_for_those_who_do_not_see_it():
    made = block_html(Figure(Bars("F1", {"a": 0.5}, {}), "a < b", "c & d"), "f")
    assert made.startswith('<figure><svg role="img" aria-labelledby="f-name" viewBox="')
    assert '><title id="f-name">a &lt; b</title>' in made
    assert made.endswith("</svg><figcaption>c &amp; d</figcaption></figure>")


def test_blocks():
    assert block_html(Text("- `a` <b>")) == "<ul>\n<li><code>a</code> &lt;b&gt;</li>\n</ul>"
    assert block_html(Alert("a *b*")) == "<aside><strong>Warning</strong>: a *b*</aside>"
    table = Table("t", ["x", "y", "z"], [["a", "1", "2"]], groups=["", "g", "g"], rules=frozenset({0}))
    assert block_html(table) == (
        '<div class="table" tabindex="0"><table><caption>t</caption><thead><tr><th colspan="1"></th>'
        '<th colspan="2">g</th></tr><tr><th class=name>x</th><th>y</th><th>z</th></tr></thead>\n'
        "<tbody><tr class=rule><td class=name>a</td><td>1</td><td>2</td></tr></tbody></table></div>"
    )
    assert section_html(Section("So it is", ())) == '<section>\n<h2 id="so-it-is">So it is</h2>\n</section>'


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_every_figure_without_an_error(tmp_path: Path):
    page = tmp_path / "report.html"
    page.write_text(report_page(whole_report()))
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        f"--user-data-dir={tmp_path}/u",
    ]
    ended = subprocess.run(
        [str(CHROMIUM), *options, "--virtual-time-budget=3000", "--dump-dom", f"file://{page}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert ":CONSOLE" not in ended.stderr
    pictures = re.findall(r"<figure><svg.*?</svg>", ended.stdout, re.DOTALL)
    assert len(pictures) == page.read_text().count("<figure>") >= len(CHART_EXAMPLES)
    assert all("<text" in one and "<title" in one for one in pictures)


def test_100_000_rows_make_a_small_page_in_little_time():
    names = [f"class {number} of some length" for number in range(100)]
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 100, 100_000)
    guess = np.where(generator.random(100_000) < 0.7, truth, generator.integers(0, 100, 100_000))
    own = classification_metrics(guess, truth, names, multi_label=False, interval=False)
    own |= {"macro_f1_low": 0.6, "macro_f1_high": 0.8}
    confidence, right, lengths = generator.random(100_000), guess == truth, generator.integers(3, 900, 100_000)
    steps = [[step, 1.0 / step] for step in range(1, 201)]
    plane = generator.random((2, 500, 2)).round(4).tolist()

    def figures(where):
        return (
            reliability(confidence, right, where),
            risk_coverage(confidence, right, where),
            accuracy_by_length(lengths, right, where),
            scores_by_frequency(dict.fromkeys(names, 1000), own, where),
        )

    findings = [Section("Confidence", (*figures("source test"), *figures("target test")))]
    findings += [Section("Steps", tuple(Figure(Curves("step", name, {"a": steps}), name, name) for name in "ab"))]
    findings += [Section("Plane", (Figure(Points("x", "y", dict(zip("ab", plane, strict=True))), "p", "c"),))]
    metrics = {"source": {"validation": own, "test": own}, "target": {"test": own}}
    report = small_report(metrics=metrics, baselines={"a": metrics, "b": metrics}, findings=tuple(findings))
    report_page(small_report())  # what is imported once is not counted
    started = time.process_time()
    page = report_page(report)
    assert time.process_time() - started < 5
    assert len(page.encode()) < 1_500_000
