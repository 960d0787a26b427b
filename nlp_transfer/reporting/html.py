"""Write a report as one HTML page: no script, nothing from the network, for a screen, a telephone and paper."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from nlp_transfer.reporting.figures import inline_svg
from nlp_transfer.reporting.report import Report
from nlp_transfer.reporting.sections import SECTIONS
from nlp_transfer.reporting.sections.results import headline_results, opening
from nlp_transfer.tasks.blocks import Alert, Block, Section, Table, Text, escape_markdown

PAGE = "report.html"
"""The file in a run's folder that holds the page."""

WIDE = 10
"""Number of columns above which a printed table is set smaller, and its words are broken."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --line: #ccc; --soft: #f4f4f4; --warn: #fff1cc;
  --link: #0b57a4; --shade: #0005 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #161616; --line: #555; --soft: #262626; --warn: #4a3a08; --link: #8ab8ff;
    --shade: #fff5 }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 64rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); overflow-wrap: anywhere }
h1, h2, h3 { line-height: 1.2 }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line) }
a { color: var(--link) }
nav a { display: inline-block; margin: 0.2rem 1rem 0.2rem 0 }
aside { margin: 1rem 0; padding: 0.6rem 1rem; border-left: 0.3rem solid #d55e00; background: var(--warn) }
.table { overflow-x: auto; margin: 1rem 0; background: linear-gradient(to left, var(--paper) 1rem, transparent) right /
  2rem 100% no-repeat local, linear-gradient(to left, var(--shade), transparent) right / 1rem 100% no-repeat }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; overflow-wrap: normal }
caption { text-align: left; font-weight: bold }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top;
  white-space: nowrap }
.name { text-align: left; white-space: normal; min-width: 8rem; max-width: 40rem }
th[colspan] { text-align: center }
.long { min-width: min(24rem, 70vw) }
.rule td { border-bottom-width: 3px }
figure { display: inline-block; vertical-align: top; width: min(100%, 29rem); margin: 1rem 1rem 1rem 0 }
figure svg { display: block; width: 100%; height: auto }
figure svg * { stroke-linejoin: round; stroke-linecap: butt }
figcaption { font-size: 0.875rem }
pre { overflow-x: auto; padding: 0.8rem; background: var(--soft); font-size: 0.8125rem }
@media (max-width: 40rem) {
  table { font-size: 0.75rem }
  th, td { padding: 0.2rem 0.3rem }
  .name { min-width: 5rem }
}
@media print {
  :root { color-scheme: light; --ink: #000; --paper: #fff; --soft: #fff; --warn: #fff; --link: #000 }
  nav { display: none }
  .table, pre { overflow: visible; background: none }
  table { max-width: 100%; font-size: 0.7rem }
  .wide { font-size: 0.6rem; overflow-wrap: anywhere }
  th, td { padding: 0.15rem 0.3rem; white-space: normal }
  .name, .long { min-width: 0 }
  .wide .name { min-width: 7rem }
  pre { white-space: pre-wrap }
  figure { width: 48%; margin: 0.5rem 1% 0.5rem 0 }
  figure, tr, aside { break-inside: avoid }
  h2, h3 { break-after: avoid }
}
"""

_HEAD = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>{_STYLE}</style>
"""


def report_page(report: Report) -> str:
    """Return the whole report as a page.

    Example:
        >>> report_page(Report.read("runs/clauses")).startswith("<!DOCTYPE html>")
        True
    """
    sections = [section for make in SECTIONS if (section := make(report)) is not None]
    return sections_page(report.title, opening(report), sections, report.warnings)


def sections_page(
    title: str, sentences: Iterable[str], sections: Sequence[Section], warnings: Iterable[str] = ()
) -> str:
    """Return a page with a title, sentences, warnings, links to the sections, and the sections.

    Example:
        >>> "<p>3 s.</p>" in sections_page("run", ["3 s."], [Section("Cost", ())])
        True
    """
    links = "".join(f'<a href="#{_anchor(one.title)}">{escape(one.title)}</a>' for one in sections)
    first = _first_part(title, sentences, warnings)
    return page(title, "\n".join([first, f"<nav>{links}</nav>", *map(section_html, sections)]))


def page(title: str, body: str) -> str:
    """Return a page of its own with a body in HTML.

    Example:
        >>> page("runs", "<p>none</p>").endswith("<p>none</p>\\n</body>\\n</html>\\n")
        True
    """
    return f"{_HEAD}<title>{escape(title)}</title>\n</head>\n<body>\n{body}\n</body>\n</html>\n"


def report_html(report: Report) -> str:
    """Return the sentences, warnings and main results of a report as HTML, for a notebook; it has no script.

    Example:
        >>> report_html(Report.read("runs/clauses")).startswith("<h1>clauses</h1>")
        True
    """
    first = _first_part(report.title, opening(report), report.warnings)
    return "\n".join([first, section_html(headline_results(report))])


def section_html(section: Section) -> str:
    """Return a section with its heading.

    Example:
        >>> print(section_html(Section("Cost", (Text("- 3 s"),))))
        <section>
        <h2 id="cost">Cost</h2>
        <ul>
        <li>3 s</li>
        </ul>
        </section>
    """
    anchor = _anchor(section.title)
    blocks = [block_html(block, f"{anchor}-{place}") for place, block in enumerate(section.blocks)]
    return "\n".join(["<section>", f'<h2 id="{anchor}">{escape(section.title)}</h2>', *blocks, "</section>"])


def block_html(block: Block, prefix: str = "block") -> str:
    """Return one block; the ids inside a figure begin with `prefix`.

    Example:
        >>> block_html(Alert("Scores of a < b are low."))
        '<aside><strong>Warning</strong>: Scores of a &lt; b are low.</aside>'
    """
    match block:
        case Text():
            return _markdown(block.markdown)
        case Table():
            return _table(block)
        case Alert():
            return f"<aside><strong>Warning</strong>: {escape(block.text)}</aside>"
    drawn, name = inline_svg(block.chart, prefix), f"{prefix}-name"
    named = f'<svg role="img" aria-labelledby="{name}"'
    titled = drawn.replace(">", f'><title id="{name}">{escape(block.alt)}</title>', 1).replace("<svg", named, 1)
    return f"<figure>{titled}<figcaption>{escape(block.caption)}</figcaption></figure>"


def _first_part(title: str, sentences: Iterable[str], warnings: Iterable[str]) -> str:
    heading = _markdown(f"# {escape_markdown(title)}\n\n{' '.join(sentences)}")
    return "\n".join([heading, *(block_html(Alert(warning)) for warning in warnings)])


def _markdown(text: str) -> str:
    """Render Markdown in which HTML is plain text."""
    from markdown_it import MarkdownIt

    return str(MarkdownIt("commonmark", {"html": False}).disable("image").render(text)).strip()


def _anchor(title: str) -> str:
    return "-".join(title.lower().split())


def _table(table: Table) -> str:
    """Return a table that scrolls where the page is narrow, with its groups over its columns."""
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    heads = [_cells(table, "th", table.columns)]
    if table.groups:
        spans = [(group, len(list(columns))) for group, columns in groupby(table.groups)]
        heads.insert(0, "".join(f'<th colspan="{width}">{escape(group)}</th>' for group, width in spans))
    body = "\n".join(
        f"<tr{' class=rule' if place in table.rules else ''}>{_cells(table, 'td', row)}</tr>"
        for place, row in enumerate(table.rows)
    )
    kind = " class=wide" if len(table.columns) > WIDE else ""
    head = "".join(f"<tr>{cells}</tr>" for cells in heads)
    whole = f"<table{kind}>{caption}<thead>{head}</thead>\n<tbody>{body}</tbody></table>"
    return f'<div class="table" tabindex="0">{whole}</div>'


def _cells(table: Table, tag: str, cells: Sequence[str]) -> str:
    kinds = (
        "" if place >= table.names else ' class="name long"' if len(cell) > 60 else " class=name"
        for place, cell in enumerate(cells)
    )
    return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))
