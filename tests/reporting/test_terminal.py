"""The tables of one split in a terminal."""

import io

from rich.console import Console

from nlp_transfer.reporting.terminal import next_steps, print_sections, split_summary
from nlp_transfer.tasks import ExtractiveSummarization, SequenceClassification
from nlp_transfer.tasks.blocks import Alert, Section, Table, Text
from tests.reporting.sections.reports import small_report
from tests.reporting.sections.test_results import systems


def shown(*args):
    out = io.StringIO()
    Console(file=out, width=120).print(*split_summary(*args))
    return out.getvalue()


def test_a_confusion_matrix_is_for_documents_alone():
    text = shown(SequenceClassification, systems(), "source · test")
    assert text.startswith("source · test · 4 rows")
    assert "source · test · per class" in text
    assert "true \\ predicted" not in text


def test_documents_are_called_so():
    scores = {"rows": 3, "rouge1": 0.5, "rouge2": 0.5, "rougeL": 0.5, "rougeLsum": 0.5}
    assert "target · test · 3 documents" in shown(ExtractiveSummarization, {"model": scores}, "target · test")


def test_the_end_names_the_report_and_what_to_try_next():
    frozen = small_report(methods=("frozen_encoder",), paths={"page": "runs/a/report.html"})
    assert list(next_steps(frozen)) == [
        "The whole report is runs/a/report.html.",
        "Next: train the encoder, too, which takes longer: --methods lp_ft and another training.output_dir.",
    ]
    assert list(next_steps(small_report())) == []


def test_sections_are_printed_with_a_blank_line_after_each_block(capsys):
    table = Table("", ["system", "mean"], [["a", "0.51"]])
    print_sections([Section("s", (Text("Means:"), table)), Section("t", (Alert("few rows"), Text("[b]Take a.[/b]")))])
    lines = ["Means:", "", "system  mean", "────────────", "a       0.51", ""]
    lines += ["Warning: few rows", "", "[b]Take a.[/b]", ""]
    assert capsys.readouterr().out.splitlines() == lines
