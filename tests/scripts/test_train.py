"""scripts/train.py as a command: signals, a full disk, a second run in the folder, the same bytes twice."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nlp_transfer.config.command_ending import BAD_INPUT, RESUMABLE
from nlp_transfer.reporting.config_record import to_yaml
from tests.reliability.crash_testing import differences
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an encoder, a corpus and a configuration of 45 steps that saves after every third."""
    folder = tmp_path_factory.mktemp("train")
    tree = run_tree(
        tiny_encoder(folder / "encoder"),
        write_corpus(folder / "corpus"),
        folder / "named later",
        num_train_epochs=3,
        per_device_train_batch_size=4,
        eval_strategy="steps",
        eval_steps=3,
        save_strategy="steps",
        save_steps=3,
        logging_steps=2,
        cpu_threads=1,
    )
    (folder / "run.yaml").write_text(to_yaml(tree | {"baselines": []}))
    return folder


@pytest.fixture(scope="module")
def whole(place):
    """The folder of an undisturbed run."""
    assert finish(command(place, "whole")).returncode == 0
    return place / "whole"


def command(place, output, *words, processes=1):
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    folder = ["--training.output_dir", str(place / output)]
    return [*launcher, str(ROOT / "scripts" / "train.py"), "--config", str(place / "run.yaml"), *folder, *words]


def start(words, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def finish(words, **options):
    process = start(words, **options)
    out, error = process.communicate(timeout=240)
    return subprocess.CompletedProcess(words, process.returncode, out, error)


def wait_for(condition, process, what):
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, f"ended before {what}: {process.communicate()[1][-2000:]}"
        assert time.monotonic() < end, what
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1], ids=lambda n: n.name)
def test_a_signal_saves_and_says_how_to_go_on(place, whole, number):
    output = place / f"stopped-{number.name}"
    process = start(command(place, output.name, "--resume", "--training.dataloader_num_workers", "1"))
    wait_for(lambda: any(output.glob("checkpoints/checkpoint-*")), process, "the first checkpoint")
    process.send_signal(number)
    _, error = process.communicate(timeout=120)
    assert process.returncode == RESUMABLE == 75
    assert f"{number.name}: step " in error
    assert " was finished and saved in " in error
    last = error.strip().splitlines()[-1]
    assert last.startswith("Go on with: ") and last.endswith(" --resume")
    assert last.count("--resume") == 1
    resumed = finish(command(place, output.name, "--resume"))
    assert resumed.returncode == 0, resumed.stderr[-2000:]
    assert "Going on from " in resumed.stdout
    assert "training.dataloader_num_workers: 1 -> not set" in resumed.stdout
    assert differences(whole, output) == []


def test_resume_of_a_finished_run_ends_at_once_and_touches_nothing(place, whole):
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in whole.rglob("*")}
    ends = finish(command(place, "whole", "--resume"))
    assert ends.returncode == 0
    assert "holds this run, finished. Nothing to do" in ends.stdout
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in whole.rglob("*")} == before


def test_a_second_run_in_the_folder_is_refused(place):
    output = place / "twice"
    long = ("--training.num_train_epochs", "300")
    first = start(command(place, "twice", *long))
    wait_for(lambda: any(output.glob("checkpoints/checkpoint-*")), first, "the first checkpoint")
    second = finish(command(place, "twice", "--resume", *long))
    first.kill()
    first.communicate()
    assert second.returncode == BAD_INPUT
    assert f"{output} is in use: process {first.pid} on " in second.stderr
    assert "Traceback" not in second.stderr


def test_a_disk_that_is_full_ends_with_the_path_and_the_bytes_and_loses_nothing(place, whole):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))  # more than the weights, less than the moments

    full = finish(command(place, "full"), preexec_fn=limit)
    assert full.returncode == BAD_INPUT
    assert "checkpoint-3 cannot be saved (" in full.stderr
    assert "it needs about " in full.stderr
    assert "Traceback" not in full.stderr
    assert list((place / "full" / "checkpoints").iterdir()) == []
    assert finish(command(place, "full", "--resume")).returncode == 0
    assert differences(whole, place / "full") == []


@pytest.mark.parametrize("processes", [1, 2])
def test_the_same_configuration_and_seed_give_the_same_bytes(place, whole, processes):
    names = [f"again-{processes}"] if processes == 1 else ["two-a", "two-b"]
    for name in names:
        done = finish(command(place, name, processes=processes))
        assert done.returncode == 0, done.stderr[-2000:]
    assert differences(whole if processes == 1 else place / names[0], place / names[-1]) == []


def test_new_run_keeps_the_old_one(place, whole):
    assert finish(command(place, "renewed")).returncode == 0
    other = finish(command(place, "renewed", "--archive_existing", "--training.seed", "8"))
    assert other.returncode == 0, other.stderr[-2000:]
    assert f"The run that {place / 'renewed'} held is now {place / 'renewed-1'}." in other.stdout
    assert differences(whole, place / "renewed-1") == []
    both = finish(command(place, "renewed", "--archive_existing", "--resume"))
    assert both.returncode == BAD_INPUT
    assert "choose one of them" in both.stderr
