"""The report: its files, its words, and what it refuses."""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import yaml
from datasets import Dataset
from rich.console import Console

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.errors import CheckpointError
from nlp_transfer.metrics.row_scores import ClassScores, gain_scores
from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.reporting.markdown import write_report
from nlp_transfer.reporting.report import CorpusFacts, Cost, Report, SearchSummary, SourceScore
from nlp_transfer.reporting.terminal import report_summary
from nlp_transfer.tasks.blocks import Alert, Figure, Section, Table, Text
from nlp_transfer.tasks.charts import Bars

TRUTH, GUESSES = (0, 0, 1, 1), (0, 0, 1, 0)
NAMES = ["Permissive", "Copyleft", "Public Domain"]


def scores(predictions, references=TRUTH):
    return classification_metrics(np.array(predictions), np.array(references), NAMES, multi_label=False)


def gains(ours, theirs, truth):
    return gain_scores("macro_f1", ClassScores(np.array([ours, theirs]), np.array(truth)))


@pytest.fixture
def report():
    return Report(
        title="quickstart",
        task="sequence_classification",
        model="encoder",
        methods=("frozen_encoder", "lora"),
        metrics={"source": {"validation": scores([0, 0, 0, 1]), "test": scores(GUESSES)}},
        corpora={"source": CorpusFacts("licences of spdx 1.2", "abc123", {"train": 1200, "test": 4}, ("2 dropped",))},
        cost=Cost(1_000, 20_000, 12.5, 1.25, 50_000, 3 * 2**20, hardware="2 x NVIDIA H100, bf16"),
        config={"model": "encoder", "training": {"seed": 7, "hub_token": "hf_secret"}},
        seed=7,
        baselines={
            "majority": {"source": {"test": scores([0, 0, 0, 0])}},
            "tfidf_svm": {"source": {"test": scores([0, 1, 1, 0]) | gains(GUESSES, [0, 1, 1, 0], TRUTH)}},
        },
        facts={"frozen_encoder": {"layer": 4, "C": 0.1}, "parameters": 1000},
        paths={"model": "runs/a/model"},
    )


def text_of(renderable, width=100):
    out = io.StringIO()
    Console(file=out, width=width).print(renderable)
    return out.getvalue()


def test_metrics_json(report, tmp_path):
    written = write_report(report, tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_bytes())
    assert list(metrics) == ["source"]
    assert list(metrics["source"]) == ["validation", "test"]
    assert metrics == report.metrics
    assert metrics["source"]["test"]["per_class"]["Public Domain"] == {
        "precision": None,
        "recall": None,
        "f1": None,
        "support": 0,
    }
    assert json.loads((tmp_path / "baselines.json").read_bytes()) == report.baselines
    assert written.paths == {
        "model": "runs/a/model",
        "metrics": str(tmp_path / "metrics.json"),
        "report": str(tmp_path / "report.md"),
        "page": str(tmp_path / "report.html"),
        "baselines": str(tmp_path / "baselines.json"),
    }
    names = ["baselines.json", "metrics.json", "report.html", "report.json", "report.md"]
    assert sorted(item.name for item in tmp_path.iterdir()) == names


def test_a_report_is_read_back(report, tmp_path):
    typed = {
        "search": SearchSummary("macro_f1", {"methods.mmd.weight 0.1": 0.5}, "methods.mmd.weight 0.1"),
        "source_scores": (SourceScore("law", "test", 4, 0.75),),
    }
    table = Table("", ["label", "text"], [["a", "1"]], names=2, rules=frozenset({0}))
    found = Section("Found", (table, Text("b"), Alert("c"), Figure(Bars("F1", {"a": 1.0}, {}), "d", "e")))
    written = replace(report, warnings=("Adaptation looks worse.",), findings=(found,), **typed)
    written = write_report(written, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert (
        "## Findings\n\n### Found\n\n| label | text |\n| :--- | :--- |\n| a | 1 |\n\nb\n\n[Figure: d](report.html)\n"
        in text
    )
    again = Report.read(tmp_path)
    assert again == replace(written, config={"model": "encoder", "training": {"seed": 7}})  # secrets are not written
    (tmp_path / "report.json").write_text('{"title": "run"}')
    with pytest.raises(
        CheckpointError, match=r"report\.json holds no report \('findings'\)\. Take it from a copy of the run"
    ):
        Report.read(tmp_path)
    (tmp_path / "report.json").unlink()
    with pytest.raises(CheckpointError, match=r"report\.json cannot be read"):
        Report.read(tmp_path)


def test_a_model_as_good_as_its_baseline(report, tmp_path):
    twin = {"source": {"test": {**report.metrics["source"]["test"], **gains(GUESSES, GUESSES, TRUTH)}}}
    write_report(replace(report, baselines={"twin": twin}), tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert (
        "4 rows are too few to tell it apart from the best baseline, twin (0.733): +0.0 points, 95 % interval" in text
    )


def test_warnings_are_where_they_are_read(report, tmp_path):
    warned = replace(report, warnings=("Adaptation *looks* worse.",))
    write_report(warned, tmp_path)
    assert json.loads((tmp_path / "report.json").read_bytes())["warnings"] == ["Adaptation *looks* worse."]
    text = (tmp_path / "report.md").read_text()
    assert "\n**Warning**: Adaptation \\*looks\\* worse.\n" in text[: text.index("## Results")]
    console = Console(width=100, file=io.StringIO())
    console.print(report_summary(warned))
    text = console.file.getvalue()
    assert text.index("Warning: Adaptation *looks* worse.") < text.index(
        "On 4 rows of source test the model's macro-F1 is"
    )


def test_without_baselines_no_file_is_written(report, tmp_path):
    write_report(replace(report, baselines={}), tmp_path)
    assert not (tmp_path / "baselines.json").exists()
    assert "best baseline" not in (tmp_path / "report.md").read_text()


def test_markdown(report, tmp_path):
    write_report(report, tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.startswith(
        "# quickstart\n\n`encoder` moved into licences of spdx 1.2 by `frozen_encoder` + `lora` (seed 7)."
    )
    assert "On 4 rows of source test the model's macro-F1 is 0.733 (95 % interval " in text
    assert "4 rows are too few to tell it apart from the best baseline, tfidf_svm (0.500): +23.3 points, 95 %" in text
    assert "### source, validation (4 rows)" in text
    assert "| Copyleft | 2 | 1.000 | 0.500 | 0.667 | 0.000 | 0.000 | 0.000 | 0.500 | 0.500 | 0.500 |" in text
    assert "| Permissive | 2 | 0 | 0 |" in text  # the confusion matrix
    assert "- rows: train 1,200, test 4\n- fingerprint: `abc123`\n- 2 dropped\n" in text
    assert "- frozen_encoder: layer: 4; C: 0.1\n- parameters: 1,000\n" in text
    assert "- Parameters trained: 1,000 of 20,000 (5.00%)\n- Training: 12.5 s, 50,000 tokens, 4,000 tokens/s\n" in text
    assert "- Peak memory: 3 MiB" in text
    assert "- Computed on: 2 x NVIDIA H100, bf16" in text
    assert "Peak GPU memory" not in text
    assert f"torch {report.versions['torch']}" in text
    assert 'classify = pipeline("text-classification", model="runs/a/model", truncation=True)' in text
    assert "hf_secret" not in text
    block = text.split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(block) == {"model": "encoder", "training": {"seed": 7}}


def test_a_model_below_the_baseline_ends_report_and_terminal_alike(report, tmp_path):
    truth, wrong = np.arange(200) % 2, 1 - np.arange(200) % 2
    svm = {**scores(truth, truth), **gains(wrong, truth, truth)}
    baselines = {"tfidf_svm": {"source": {"test": svm}}}
    worse = replace(report, metrics={"source": {"test": scores(wrong, truth)}}, baselines=baselines)
    write_report(worse, tmp_path)
    sentence = (
        "This macro-F1 is 100.0 points BELOW the best baseline, tfidf_svm (1.000; 95 % interval of the difference -100.0 "
        "to -100.0). Fewer than 30 rows of source test are of class Public Domain (0): its F1, and so the macro-F1, varies "
        "much by chance."
    )
    assert sentence in (tmp_path / "report.md").read_text()
    assert text_of(report_summary(worse), width=1000).partition("\nNext: ")[0].rstrip().endswith(sentence)


def test_multi_label_thresholds(report, tmp_path):
    truth = np.array([[1, 0, 1], [0, 1, 0]])
    multi = replace(
        report,
        metrics={"source": {"test": classification_metrics(truth, truth, NAMES, multi_label=True)}},
        baselines={},
        thresholds={"Permissive": 0.25, "Copyleft": 0.5, "Public Domain": 0.125},
    )
    write_report(multi, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "| Permissive | 0.2500 |" in text
    assert "its exact match 1.000" in text
    assert "top_k=None" in text


def test_summary(report):
    text = text_of(report_summary(report))
    assert "source · test · 4 rows" in text
    assert "source · test · per class" in text
    assert "source · validation" not in text
    assert "tfidf_svm" in text
    assert "Public Domain" in text
    assert "Parameters trained: 1,000 of 20,000 (5.00%)" in text
    assert "model  runs/a/model" in text


def test_summary_keeps_long_paths_whole(report):
    path = "runs/" + "long" * 40
    assert path in text_of(report_summary(replace(report, paths={"model": path})), width=60).replace("\n", "")


def test_headlines_and_order(report):
    facts = report.corpora["source"]
    both = replace(
        report,
        metrics={"target": {"train": scores([0, 0, 1, 1])}, "source": {"validation": scores([0, 0, 1, 1])}},
        corpora={"source": facts, "target": facts},
    )
    assert list(both.headlines()) == [("source", "validation"), ("target", "train")]
    assert list(both.systems("target", "train")) == ["model"]


def test_corpus_facts():
    split = Dataset.from_dict({"id": ["1", "2"], "text": ["a", "b"]})
    corpus = Corpus("a folder", {"unlabeled": split}, ("note",), "f00d")
    assert CorpusFacts.of(corpus) == CorpusFacts("a folder", "f00d", {"unlabeled": 2}, ("note",))


def test_a_report_prints_the_tables_of_the_end_of_a_run(report):
    assert repr(report) == "Report('quickstart': source test macro-F1 0.733)"
    text = str(report)
    assert text.startswith("source · test · 4 rows\n")
    assert re.search(r"^tfidf_svm +0\.500 ", text, re.MULTILINE)
    assert "\nmodel  runs/a/model\n" in text


def test_a_notebook_shows_scores_with_intervals_against_baselines(report):
    html = replace(report, title="<script>a</script> [b](javascript:c)", warnings=("1 < 2 *rows*",))._repr_html_()
    assert html.startswith(
        "<h1>&lt;script&gt;a&lt;/script&gt; [b](javascript:c)</h1>\n<p><code>encoder</code> moved into"
    )
    assert "the model's macro-F1 is 0.733 (95 % interval " in html
    assert "the best baseline, tfidf_svm (0.500)" in html
    assert "<aside><strong>Warning</strong>: 1 &lt; 2 *rows*</aside>" in html
    assert '<h3>source, test (4 rows)</h3>\n<div class="table" tabindex="0"><table>' in html
    assert '<th colspan="4">macro</th>' in html
    assert "source, validation" not in html
    assert "<script" not in html
    assert "href" not in html
