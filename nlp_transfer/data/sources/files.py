"""Read corpora from disk: a file, a folder of split-named files, or text or image files, one sub-folder a class."""

import difflib
import re
from pathlib import Path

from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.data.formats import FORMATS, data_stem, data_suffix, suffix_hint
from nlp_transfer.data.source import CorpusReader, FileSettings, RawSplit
from nlp_transfer.data.sources.class_folders import class_folder_split, class_folders
from nlp_transfer.data.splits.split_names import SPLIT_NAMES, UNSPLIT, check_spelling, match_split_names
from nlp_transfer.data.validation.images import files_inside
from nlp_transfer.errors import DataError
from nlp_transfer.files import file_digest, read_errors, utf8_problem

_WITHOUT_ROWS = (".md5", ".sha1", ".sha256", ".sha512", ".sig", ".asc", ".md", ".log", ".lock")
"""Suffixes of files that may accompany a corpus under any name: checksums, signatures, notes."""


def file_source(config: CorpusConfig, key: str) -> CorpusReader:
    """Return the source at `config.path`; raise `DataError` for anything that is no corpus."""
    if not config.path:
        raise DataError(f"{key}.path is empty; expected a file or a folder.")
    if problem := utf8_problem(config.path):
        raise DataError(f"{key}.path: {problem}")
    path = Path(str(config.path)).expanduser()
    with read_errors(path):
        if path.is_dir():
            return _folder(path, config, key)
        if not path.exists():
            raise DataError(f"{key}.path: {path} does not exist.{_nearest(path)}")
        if not path.is_file():
            raise DataError(f"{key}.path: {path} is no file but a pipe or device. {_REGULAR}")
        if data_suffix(path) not in FORMATS:
            raise DataError(f"{key}.path: {path} has a suffix that is not read.{suffix_hint(path)} {_SUPPORTED}")
        if config.splits:
            raise DataError(f"{key}.splits is set, but {path} is one file. Name a folder, or leave {key}.splits out.")
        split = SPLIT_NAMES.get(data_stem(path), UNSPLIT)
        return CorpusReader(str(path), {split: _file_split(path, config)})


def _folder(path: Path, config: CorpusConfig, key: str) -> CorpusReader:
    """Return the source in a folder of split-named files or of class folders."""
    visible = _visible(path)
    files = [entry for entry in visible if entry.is_file() and data_suffix(entry) in FORMATS]
    names = {*SPLIT_NAMES, *config.splits.values()}
    for entry in visible:
        if not entry.is_file() and data_suffix(entry) in FORMATS and data_stem(entry) in names:
            raise DataError(f"{key}.path: {entry} is no file but a folder, pipe, device or broken link. {_REGULAR}")
    split_files = [entry for entry in files if data_stem(entry) in names]
    if split_files:
        _check_unread_splits(set(visible) - set(split_files), config, key)
        return _split_files(path, files, config, key)
    classes = class_folders(path)
    if classes:
        _check_unread_splits(set(visible) - set(classes), config, key)
        notes = [f"Files next to the class folders that are not read: {_names(files)}."] if files else []
        known = {SPLIT_NAMES[entry.name.lower()]: entry.name for entry in classes if entry.name.lower() in SPLIT_NAMES}
        unknown = [entry.name for entry in classes if entry.name.lower() not in SPLIT_NAMES]
        # train/positive/1.txt, test/positive/2.txt, …
        nested = bool(known or config.splits) and all(class_folders(entry) for entry in classes)
        if nested and not config.splits:
            check_spelling(unknown, known, str(path), f"{key}.splits")
        if nested and (config.splits or not unknown):
            chosen = match_split_names(
                [entry.name for entry in classes], config.splits, str(path), f"{key}.splits", notes
            )
            raw = {
                ours: class_folder_split(path / theirs, f"{theirs}/", config.encoding)
                for ours, theirs in chosen.items()
            }
            return CorpusReader(str(path), raw, notes=notes)
        if known:
            raise DataError(
                f"{key}.path: {path} has folders with names of splits ({', '.join(known.values())}), and not each of "
                f"its folders ({_names(classes)}) has a sub-folder of text or image files for each class."
            )
        return CorpusReader(str(path), {UNSPLIT: class_folder_split(path, encoding=config.encoding)}, notes=notes)
    if not config.splits:
        stems = {data_stem(entry): entry.name for entry in files}
        check_spelling(stems, {}, str(path), f"{key}.splits", stems)
    raise DataError(
        f"{key}.path: {path} is neither a folder of split-named files (train, dev or validation, test, all or "
        "unlabeled) nor one with a sub-folder of text or image files for each class. "
        f"It holds: {_names(visible) or 'nothing'}. {_SUPPORTED} Or set `{key}.splits: {{train: NAME}}`."
    )


def _check_unread_splits(others: set[Path], config: CorpusConfig, key: str) -> None:
    """Raise `DataError` if an entry that is not read has the name of a split."""
    names = set(config.splits.values()) or SPLIT_NAMES.keys()
    # test.jsonl.zst, test.ods, test.bak, test, and shards: test-00000-of-00002.parquet, test.1.jsonl
    problems = [
        f"{key}.path: {entry}{'/' if entry.is_dir() else ''} has the name of a split, and is not read: a split is one "
        f"file. {_SUPPORTED}{suffix_hint(entry)}"
        for entry in sorted(others)
        if re.split(r"\.|[-_]\d", entry.name.lower())[0] in names and entry.suffix.lower() not in _WITHOUT_ROWS
    ]
    if problems:
        raise DataError(problems)


def _visible(path: Path) -> list[Path]:
    """Return the entries of a folder that are not hidden."""
    return sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))


def _split_files(path: Path, files: list[Path], config: CorpusConfig, key: str) -> CorpusReader:
    """Return the source in a folder of split-named files."""
    # The split files are all that is read: what else may hold rows is named.
    others = [entry for entry in _visible(path) if entry not in files and entry.suffix.lower() not in _WITHOUT_ROWS]
    notes = [f"What else lies in the folder is left out: {_names(others)}."] if others else []
    by_stem: dict[str, Path] = {}
    for file in files:
        stem = data_stem(file)
        if stem in by_stem and (stem in SPLIT_NAMES or stem in config.splits.values()):
            both = f"{by_stem[stem].name} and {file.name}"
            raise DataError(f"{key}.path: {path} has two files for the split {stem!r}: {both}. Take one away.")
        by_stem[stem] = file
    called = {stem: file.name for stem, file in by_stem.items()}
    chosen = match_split_names(list(by_stem), config.splits, str(path), f"{key}.splits", notes, called)
    raw = {ours: _file_split(by_stem[theirs], config) for ours, theirs in chosen.items()}
    return CorpusReader(str(path), raw, notes=notes)


def _file_split(path: Path, config: CorpusConfig) -> RawSplit:
    """Return the rows of one file."""
    settings, read = FileSettings(config.encoding, config.sheet), FORMATS[data_suffix(path)]
    suffixes = path.name.lower().removeprefix(data_stem(path))  # the same bytes are no gzip under another name
    given = [[config.encoding, config.sheet]] if settings != FileSettings() else []
    identity = ("file", suffixes, file_digest(path), *given)
    return RawSplit(str(path), lambda wanted: read(path, wanted, settings), identity, files_inside(path.parent))


_REGULAR = "A corpus is read more than once: put a whole file in its place."
_SUPPORTED = f"Files end in {', '.join(FORMATS)}, each also with .gz."


def _nearest(path: Path) -> str:
    """Return a sentence with the nearest existing name."""
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        path, folder = folder, folder.parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    if near:
        return f" Did you mean {folder / near[0]}?"
    return f" {folder} holds: {_names(sorted(folder / name for name in names)) or 'nothing'}."


def _names(paths: list[Path]) -> str:
    """List up to ten names."""
    listed = ", ".join(path.name + ("/" if path.is_dir() else "") for path in paths[:10])
    return listed + (f", … ({len(paths)} entries)" if len(paths) > 10 else "")
