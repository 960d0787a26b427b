"""The package's public names, each in a fresh interpreter: imports made by other tests would hide a fault."""

import subprocess
import sys
from pathlib import Path

import pytest

import nlp_transfer


def printed_by(code: str) -> str:
    """Run code in a fresh interpreter and return its output."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "imports",
    [
        "from nlp_transfer import run; import nlp_transfer.runner",
        "import nlp_transfer.runner; from nlp_transfer import run",
        "from nlp_transfer import *",
        "import nlp_transfer; run = nlp_transfer.run",
    ],
)
def test_run_is_the_function_in_every_order_of_imports(imports):
    shown = printed_by(f"{imports}; import nlp_transfer; print(type(run).__name__, nlp_transfer.run is run)")
    assert shown == "function True"


def test_no_public_name_is_also_a_module():
    package = Path(nlp_transfer.__file__).parent
    modules = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert not modules & set(nlp_transfer.__all__)


def test_dir_shows_the_public_names_before_any_is_used():
    shown = printed_by("import nlp_transfer, sys; print('torch' in sys.modules, *dir(nlp_transfer))").split()
    assert shown[0] == "False"
    assert set(shown[1:]) == {*nlp_transfer.__all__, "__version__"}


def test_every_public_name_can_be_imported():
    rooms = nlp_transfer._ROOMS
    assert sorted(name for names in rooms.values() for name in names) == sorted(nlp_transfer.__all__)
    assert all(callable(getattr(nlp_transfer, name)) for name in nlp_transfer.__all__)
