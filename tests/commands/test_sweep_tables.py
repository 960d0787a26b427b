"""A sweep's results survive interruptions; its table shows means and spreads."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from nlp_transfer.commands.sweep_tables import CellResult, append_result, load_results, sweep_table
from nlp_transfer.errors import CheckpointError
from nlp_transfer.reporting.tables import to_markdown


def result(seed=0, system="lora", corpus="science/scicite", accuracy=0.8, macro_f1=0.7, seconds=10.0):
    return CellResult(corpus, system, seed, {"accuracy": accuracy, "macro_f1": macro_f1}, seconds, {"layer": 4})


def test_results_come_back(tmp_path):
    path = tmp_path / "sweep" / "results.jsonl"
    assert load_results(path) == {}
    append_result(path, result(0))
    append_result(path, result(1, accuracy=0.9))
    found = load_results(path)
    assert list(found) == [("science/scicite", "lora", 0), ("science/scicite", "lora", 1)]
    assert found["science/scicite", "lora", 1] == result(1, accuracy=0.9)
    append_result(path, result(0, accuracy=0.1))
    assert load_results(path)["science/scicite", "lora", 0].scores["accuracy"] == 0.1


def test_a_result_that_cannot_be_written_leaves_the_others(tmp_path):
    path = tmp_path / "results.jsonl"
    append_result(path, result(0))
    before = path.read_bytes()
    with pytest.raises(TypeError, match="JSON cannot hold"):
        append_result(path, CellResult("a", "b", 0, {"accuracy": object()}, 1.0))
    assert path.read_bytes() == before
    assert {item.name for item in tmp_path.iterdir()} == {"results.jsonl", ".results.jsonl.lock"}


def test_sweeps_that_write_at_once_lose_no_line(tmp_path):
    path = tmp_path / "results.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda seed: append_result(path, result(seed)), range(40)))
    assert {seed for _, _, seed in load_results(path)} == set(range(40))


@pytest.mark.parametrize("line", [b"{torn\n", b'{"corpus": "a"}\n', b"[1]\n"])
def test_bad_line_inside_is_an_error(tmp_path, line):
    path = tmp_path / "results.jsonl"
    append_result(path, result(0))
    path.write_bytes(path.read_bytes() + line)
    append_result(path, result(1))
    with pytest.raises(CheckpointError, match=r"results\.jsonl, line 2: not a sweep's result .*Delete the line to run"):
        load_results(path)


def test_table():
    results = [
        result(0, accuracy=0.80, macro_f1=0.70, seconds=10),
        result(0, system="tfidf_svm", accuracy=0.826, macro_f1=0.81, seconds=1.25),
        result(1, accuracy=0.82, macro_f1=0.74, seconds=20),
        result(0, corpus="legal/licenses"),
    ]
    table = sweep_table(results)
    assert table.rows == [
        ["science/scicite", "lora", "0.810 ± 0.014", "0.720 ± 0.028", "2", "15.0"],  # sd: |difference| / sqrt(2)
        ["science/scicite", "tfidf_svm", "0.826", "0.810", "1", "1.2"],
        ["legal/licenses", "lora", "0.800", "0.700", "1", "10.0"],
    ]
    assert table.rules == {1, 2}
    assert to_markdown(table).splitlines()[:2] == [
        "| corpus | system | accuracy | macro-F1 | seeds | seconds |",
        "| :--- | :--- | ---: | ---: | ---: | ---: |",
    ]
    assert sweep_table([]).rows == []


def test_from_three_seeds_on_the_mean_has_an_interval():
    ((*_, macro_f1, seeds, _),) = sweep_table([result(seed, macro_f1=0.5 + seed / 10) for seed in range(3)]).rows
    assert (macro_f1, seeds) == ("0.600 ± 0.100 (0.352–0.848)", "3")  # 0.6 ± 4.303 x 0.1 / sqrt(3)


def test_a_table_of_summaries():
    scores = {"rouge1": 0.4, "average_precision": 0.5}
    table = sweep_table([CellResult("a", "b", 0, scores, 2.0), CellResult("a", "lead", 0, {"rouge1": 0.3}, 0.0)])
    assert table.columns == ["corpus", "system", "ROUGE-1", "sentence AP", "seeds", "seconds"]
    assert table.rows == [["a", "b", "0.400", "0.500", "1", "2.0"], ["a", "lead", "0.300", "–", "1", "0.0"]]
