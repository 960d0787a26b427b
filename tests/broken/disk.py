"""Faults of compressed bytes, and of names that lead to no file."""

import gzip
import os

from hypothesis import strategies as st

from tests.broken.corpora import FORMATS, SINGLE
from tests.broken.faults import Faults

FAULTS = Faults("packed")


@FAULTS.add(*FORMATS, step="packed")
def truncated_gzip(draft, split, choose):
    packed = draft.raw[split]
    draft.raw[split] = packed[: choose(st.integers(2, len(packed) - 1))]
    return ("the gzip file ends early",)


@FAULTS.add(*FORMATS, step="packed")
def plain_file_named_gz(draft, split, choose):
    draft.raw[split] = gzip.decompress(draft.raw[split])
    if draft.suffix == ".parquet":
        return ("is a Parquet file", "rename it")
    return ("not a whole gzip file", "Take .gz off its name")


@FAULTS.add(*FORMATS, step="packed")
def damaged_gzip(draft, split, choose):
    packed = bytearray(draft.raw[split])
    packed[-choose(st.integers(5, 8))] ^= choose(st.integers(1, 255))  # the checksum
    draft.raw[split] = bytes(packed)
    return ("not a whole gzip file", "CRC check failed")


@FAULTS.add(*FORMATS, step="packed")
def rubbish_after_gzip(draft, split, choose):
    draft.raw[split] += b"rubbish"
    return ("not a whole gzip file",)


@FAULTS.add(*FORMATS, step="disk")
def directory_in_place_of_a_file(draft, split, choose):
    draft.file(split).unlink()
    draft.file(split).mkdir()
    return ()


@FAULTS.add(*FORMATS, step="disk")
def link_to_nothing(draft, split, choose):
    draft.file(split).unlink()
    draft.file(split).symlink_to(choose(st.sampled_from(["nowhere", draft.file(split).name])))  # or to itself
    return ()


@FAULTS.add(*FORMATS, step="disk")
def pipe_in_place_of_a_file(draft, split, choose):
    draft.file(split).unlink()
    os.mkfifo(draft.file(split))
    return ("is no file",)


@FAULTS.add(*FORMATS, step="disk", splits=("train", "dev", "test"), names_file=False)
def two_files_for_a_split(draft, split, choose):
    other = draft.folder / f"{split}{'.csv' if draft.suffix != '.csv' else '.tsv'}"
    other.write_bytes(b"text,label\nx,a\n")
    return (str(draft.folder), f"two files for the split '{split}'", other.name)


@FAULTS.add(*FORMATS, step="disk", splits=("train",), names_file=False)
def no_train_file(draft, split, choose):
    draft.file(split).unlink()
    return (
        "source (",
        ": there is no train split; splits found: test, validation",
    )


@FAULTS.add(*FORMATS, step="disk", splits=("train", "dev", "test"), names_file=False)
def misspelt_split_file(draft, split, choose):
    wrong = {"train": "tarin", "dev": "dve", "test": "tets"}[split]
    draft.file(split).rename(draft.folder / draft.file(split).name.replace(split, wrong))
    return (wrong, split)


@FAULTS.add(*FORMATS, step="disk", splits=(SINGLE,), names_file=False)
def suffix_that_is_not_read(draft, split, choose):
    old = draft.file(split)
    draft.suffix = choose(st.sampled_from([".xls", ".txt", "", ".jsonlines"]))
    old.rename(draft.file(split))
    return (f"{draft.file(split)} has a suffix that is not read",)
