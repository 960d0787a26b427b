"""Bad input ends in an error that says where it is, soon, in little memory, and with nothing written.

Every format meets every fault that it can have, and pairs of faults, at places that hypothesis draws (the same in every
run). `pytest -s` on this file prints how each fault ended.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.broken import (
    command_lines,
    contents,
    delimited,
    disk,
    json_texts,
    labels,
    rows,
    setting_names,
    setting_values,
    text_folders,
    yaml_files,
)
from tests.broken.corpora import ENDINGS as GZ
from tests.broken.corpora import FORMATS, SINGLE, SIZES, pack, serialise, whole_draft, write
from tests.broken.endings import ENDINGS, MAX_BYTES, MAX_SECONDS, Ending, table, train_until_model, tree_of
from tests.broken.faults import write_broken
from tests.broken.settings import Settings
from tests.broken.text_folders import whole_text_folder
from tests.tiny_runs import run_tree, tiny_encoder

CASES_WANTED = 300

PLACES = 2
"""How often each fault strikes each format."""

SETTINGS_PLACES = {
    "misspelt_key": 20,
    "wrong_type": 30,
    "out_of_range": 40,
    "contradictory_settings": 30,
    "broken_yaml": 40,
}
"""How often the faults that are drawn from a table strike a configuration."""

SETTINGS_PLACES_OF_OTHERS = 6

DRAWN = {
    "derandomize": True,
    "database": None,
    "deadline": timedelta(seconds=2 * MAX_SECONDS),
    "phases": (Phase.generate,),
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny encoder, and a cache of the module's own."""
    import datasets

    with pytest.MonkeyPatch.context() as patch:
        cache = tmp_path_factory.mktemp("cache")
        patch.setenv("NLP_TRANSFER_CACHE", str(cache))
        datasets.disable_progress_bars()
        yield tiny_encoder(tmp_path_factory.mktemp("encoder"))
        datasets.enable_progress_bars()
        assert not [*cache.rglob("*.tmp")]


def train(encoder: Path, folder: Path, source: dict[str, Any], fault: str, form: str) -> Ending:
    """Train on a corpus up to the model."""
    tree = {**run_tree(encoder, folder, folder / "run"), "source": source}
    return ended(Settings(tree, folder / "config.yaml"), fault, form)


def ended(made: Settings, fault: str, form: str) -> Ending:
    """The ending of a command line; nothing may be written meanwhile."""
    folder, arguments = made.file.parent, made.arguments()
    before = tree_of(folder)
    ending = train_until_model(arguments, fault, form)
    assert tree_of(folder) == before, f"{fault} ({form}): something was written"
    return ending


def check(
    ending: Ending,
    kinds: tuple[str, ...],
    words: Sequence[tuple[str, ...]],
    max_bytes: int = MAX_BYTES,
    corpus: Path | None = None,
) -> None:
    """The error is of the kind, names the corpus, holds all words of a fault, and came soon and in little memory."""
    what = f"{ending.fault} ({ending.form}): {ending.error or 'no error'}: {ending.message[:2000]}"
    assert ending.error in kinds, what
    assert corpus is None or str(corpus) in ending.message, f"{what}\ndoes not name the corpus"
    found = [[word for word in some if not _holds(ending.message, word)] for some in words]
    assert not all(found), f"{what}\nlacks {found}"
    assert len(ending.message) < 5000, f"{what}: the message has {len(ending.message)} characters"
    assert ending.seconds < MAX_SECONDS, f"{what}: {ending.seconds:.1f} s"
    assert ending.grown_bytes < max_bytes, f"{what}: {ending.grown_bytes / 2**20:.0f} MiB"


def _holds(message: str, word: str) -> bool:
    """Whether a message holds a word; `row 1` is not in `row 12`, but in `rows 1 and 3`."""
    place = re.fullmatch(r"(row|line) (\d+)", word)
    if place:
        return re.search(rf"{place[1]}s? (\d+, |\d+ and )*{place[2]}\b", message) is not None
    return word in message


FAULTS = [*rows.FAULTS, *labels.FAULTS, *contents.FAULTS, *json_texts.FAULTS, *delimited.FAULTS, *disk.FAULTS]
SETTING_FAULTS = [*setting_names.FAULTS, *setting_values.FAULTS]
TEXT_FAULTS = [*yaml_files.FAULTS, *command_lines.FAULTS]

PAIRS = [
    pytest.param(fault, suffix, ending, id=f"{fault.strike.__name__}-{suffix}{ending}")
    for fault in FAULTS
    for suffix in fault.suffixes
    for ending in GZ
    if ending or fault.step != "packed"
]


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("ending", GZ)
@pytest.mark.parametrize("suffix", FORMATS)
def test_whole_corpora_get_as_far_as_the_model(encoder, tmp_path, suffix, ending, single):
    draft = whole_draft(tmp_path / "corpus", suffix, ending, single=single)
    write_broken(draft, [], lambda strategy: None)
    assert reached_model(train(encoder, tmp_path, draft.settings(), "none", suffix))


def reached_model(ending: Ending) -> bool:
    """Whether a run on whole input got as far as the model; it is no case."""
    ENDINGS.remove(ending)
    return ending.error == ""


@pytest.mark.parametrize(("fault", "suffix", "ending"), PAIRS)
def test_a_fault_in_a_corpus(encoder, tmp_path_factory, fault, suffix, ending):
    base = tmp_path_factory.getbasetemp()

    large = fault.max_bytes > MAX_BYTES or "large" in fault.name

    @settings(max_examples=1 if large else PLACES, **DRAWN)
    @given(st.data())
    def strikes(data):
        with TemporaryDirectory(dir=base) as folder:
            split = data.draw(st.sampled_from(fault.splits))
            draft = whole_draft(Path(folder) / "corpus", suffix, ending, single=split == SINGLE)
            words = write_broken(draft, [(fault, split)], data.draw)
            end = train(encoder, Path(folder), draft.settings(), fault.name, suffix + ending)
            check(end, ("DataError", "ConfigError"), words, fault.max_bytes, draft.folder)

    strikes()


BOTH = ("DataError", "ConfigError")

COMBINED = [fault for fault in FAULTS if "large" not in fault.name]


@settings(max_examples=80, **DRAWN)
@given(st.data())
def test_two_faults_in_a_corpus(encoder, tmp_path_factory, data):
    suffix, ending = data.draw(st.sampled_from(FORMATS)), data.draw(st.sampled_from(GZ))
    single = data.draw(st.booleans())
    able = [fault for fault in COMBINED if suffix in fault.suffixes and (ending or fault.step != "packed")]
    where = [SINGLE] if single else list(SIZES)
    able = [fault for fault in able if set(where) & set(fault.splits)]
    first = data.draw(st.sampled_from(able))
    second = data.draw(st.sampled_from([fault for fault in able if fault.touches != first.touches]))
    faults = [
        (fault, data.draw(st.sampled_from([split for split in where if split in fault.splits])))
        for fault in sorted((first, second), key=lambda fault: fault.touches == "file")  # rows that go, go last
    ]
    with TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as folder:
        draft = whole_draft(Path(folder) / "corpus", suffix, ending, single=single)
        words = write_broken(draft, faults, data.draw)
        words += [(str(draft.file(split)),) for fault, split in faults if fault.names_file]  # one may hide in the other
        end = train(encoder, Path(folder), draft.settings(), "two faults in a corpus", suffix + ending)
        check(end, BOTH, words, max(first.max_bytes, second.max_bytes), draft.folder)


@pytest.mark.parametrize("ending", GZ)
@pytest.mark.parametrize("suffix", FORMATS)
def test_any_damage_ends_in_an_error_of_ours_or_in_none(encoder, tmp_path_factory, suffix, ending):
    @settings(max_examples=12, **DRAWN)
    @given(st.data())
    def strikes(data):
        with TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as folder:
            draft = whole_draft(Path(folder) / "corpus", suffix, ending, single=True)
            serialise(draft)
            packed = bytearray(pack(draft)[SINGLE])
            for _ in range(data.draw(st.integers(1, 3))):
                place = data.draw(st.integers(0, len(packed) - 1))
                packed[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
            write(draft, {SINGLE: bytes(packed)})
            end = train(encoder, Path(folder), draft.settings(), "random bytes", suffix + ending)
            if end.error:
                check(end, BOTH, [(str(draft.path),), ("source",)])
            else:
                ENDINGS.remove(end)  # the damage made other words of the words

    strikes()


@pytest.mark.parametrize("ending", GZ)
def test_whole_text_folders_get_as_far_as_the_model(encoder, tmp_path, ending):
    whole_text_folder(tmp_path / "corpus", ending)
    assert reached_model(train(encoder, tmp_path, text_folder_settings(tmp_path), "none", "text folder"))


def text_folder_settings(folder: Path) -> dict[str, Any]:
    return {"path": str(folder / "corpus"), "split": {"method": "stratified"}}


@pytest.mark.parametrize("ending", GZ)
@pytest.mark.parametrize("fault", text_folders.FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_in_a_text_folder(encoder, tmp_path_factory, fault, ending):
    @settings(max_examples=PLACES, **DRAWN)
    @given(st.data())
    def strikes(data):
        with TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as folder:
            words = fault(whole_text_folder(Path(folder) / "corpus", ending), data.draw)
            form = f"text folder{ending}"
            end = train(encoder, Path(folder), text_folder_settings(Path(folder)), _name(fault), form)
            check(end, BOTH, [words], 160 << 20, Path(folder) / "corpus")

    strikes()


def test_a_folder_that_may_not_be_read(encoder, tmp_path, monkeypatch):
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    made = made_settings(encoder, tmp_path)
    monkeypatch.setattr(Path, "iterdir", refuse)
    check(train_until_model(made.arguments(), "folder without permission", "folder"), BOTH, [(str(tmp_path),)])


def _name(strike: Any) -> str:
    return strike.__name__.replace("_", " ")


def made_settings(encoder: Path, folder: Path) -> Settings:
    """A whole configuration of a whole corpus."""
    draft = whole_draft(folder / "corpus", ".jsonl", "", single=False)
    write_broken(draft, [], lambda strategy: None)
    return Settings(run_tree(encoder, draft.folder, folder / "run"), folder / "config.yaml")


def test_a_whole_configuration_gets_as_far_as_the_model(encoder, tmp_path):
    assert reached_model(ended(made_settings(encoder, tmp_path), "none", "configuration"))


@pytest.mark.parametrize("fault", [*SETTING_FAULTS, *TEXT_FAULTS], ids=lambda fault: fault.__name__)
def test_a_fault_in_a_configuration(encoder, tmp_path_factory, fault):
    @settings(max_examples=SETTINGS_PLACES.get(fault.__name__, SETTINGS_PLACES_OF_OTHERS), **DRAWN)
    @given(st.data())
    def strikes(data):
        with TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as folder:
            made = made_settings(encoder, Path(folder))
            words = fault(made, data.draw)
            end = ended(made, _name(fault), "configuration")
            check(end, BOTH, [words])
            assert yaml_files.MARKER not in {path.name for path in Path(folder).iterdir()}

    strikes()


@settings(max_examples=40, **DRAWN)
@given(st.data())
def test_two_faults_in_a_configuration(encoder, tmp_path_factory, data):
    first = data.draw(st.sampled_from(SETTING_FAULTS))
    second = data.draw(st.sampled_from([fault for fault in SETTING_FAULTS if fault != first]))
    with TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as folder:
        made = made_settings(encoder, Path(folder))
        words = []
        for fault in (first, second):
            with contextlib.suppress(AttributeError, KeyError, TypeError):  # the first took away what this one breaks
                words.append(fault(made, data.draw))
        check(ended(made, "two faults in a configuration", "configuration"), BOTH, words)


def test_at_least_300_cases_ended_as_they_should(request):
    here = [item for item in request.session.items if item.fspath == request.node.fspath]
    if len(here) < len(PAIRS) or "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("counts the cases of the whole file in one process")
    print("\n" + table(ENDINGS, rf"{re.escape(str(request.config._tmp_path_factory.getbasetemp()))}/\w+/"))
    assert len([ending for ending in ENDINGS if ending.error in BOTH]) >= CASES_WANTED
