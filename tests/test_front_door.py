"""What a script finds in `pyama_core` itself."""

import doctest
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import pyama_core

CORE = Path(pyama_core.__file__).parent


@pytest.mark.parametrize("name", pyama_core.__all__)
def test_all_that_is_offered_is_there_and_documented(name: str) -> None:
    assert getattr(pyama_core, name).__doc__


def test_nothing_else_is_offered() -> None:
    assert set(pyama_core.__all__) <= set(dir(pyama_core))
    with pytest.raises(AttributeError, match="nowhere"):
        _ = pyama_core.nowhere


def test_importing_it_loads_no_library_of_numbers() -> None:
    code = "import sys, pyama_core; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "numba", "scipy", "pydantic", "nd2", "yaml"} & set(out.stdout.split())


def modules_with_examples() -> list[str]:
    """Name the modules whose docstrings hold examples."""
    paths = (path for path in CORE.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))
    dotted = (path.relative_to(CORE.parent).with_suffix("").parts for path in sorted(paths))
    return [".".join(parts).removesuffix(".__init__") for parts in dotted]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings_give_what_they_say(name: str) -> None:
    result = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
