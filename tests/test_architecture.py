"""The house rules: which way imports point, and what the library never loads."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import pyama_core

CORE = Path(pyama_core.__file__).parent
ALGORITHMS = ("segmentation", "correction", "tracking", "extraction")


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.add(node.module or "")
    return names


def importers(folder: Path, prefixes: tuple[str, ...]) -> list[str]:
    return [
        f"{path.relative_to(CORE)} imports {name}"
        for path in modules(folder)
        for name in imports_of(path)
        if name.startswith(prefixes)
    ]


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in out.stdout.split()}


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """Return the modules of ours that a module imports anywhere: lazily and for types, too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= inner | {node.module}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names & known


def test_no_module_imports_another_in_a_circle() -> None:
    source = CORE.parent
    paths = {
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
        for package in ("pyama_core", "napari_pyama")
        for path in modules(source / package)
    }
    graph = {name: imported_modules(path, set(paths)) - {name} for name, path in paths.items()}
    # A package's __init__ offers what its modules hold; importing from it is no circle.
    packages = {name for name, path in paths.items() if path.name == "__init__.py"}
    tuple(TopologicalSorter({n: d - packages for n, d in graph.items()}).static_order())


def test_the_core_imports_neither_plugin_nor_napari_nor_qt() -> None:
    forbidden = ("napari", "qtpy", "PyQt", "PySide", "magicgui", "pyqtgraph", "vispy", "superqt")
    assert importers(CORE, forbidden) == []


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_algorithms_import_neither_files_nor_workflow(algorithm: str) -> None:
    folder = CORE / "processing" / algorithm
    assert importers(folder, ("pyama_core.io", "pyama_core.processing.workflow")) == []


def test_reading_and_writing_know_nothing_of_the_processing() -> None:
    assert importers(CORE / "io", ("pyama_core.processing",)) == []


def test_the_workflow_knows_nothing_of_the_command_line() -> None:
    assert importers(CORE / "processing", ("pyama_core.cli", "pyama_core.sample")) == []


def test_importing_all_of_the_core_loads_no_window_and_no_plotting() -> None:
    names = [
        ".".join(path.relative_to(CORE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in modules(CORE)
    ]
    loaded = loaded_by("\n".join(f"import {name}" for name in names))
    forbidden = {"napari", "qtpy", "PyQt6", "PySide6", "magicgui", "pyqtgraph", "matplotlib"}
    assert loaded & forbidden == set()


def test_a_worker_loads_neither_pandas_nor_scikit_image() -> None:
    loaded = loaded_by(
        "from pyama_core.processing.workflow.execution.worker import run_job\n"
        "import pyama_core.processing.workflow.step_order\n"
        "import pyama_core.processing.workflow.execution.worker"
    )
    assert loaded & {"pandas", "skimage", "sklearn", "dask", "napari", "matplotlib"} == set()


def test_help_loads_only_what_it_shows() -> None:
    loaded = loaded_by("import pyama_core.cli")
    assert loaded & {"numpy", "numba", "pydantic", "scipy", "nd2"} == set()


@pytest.mark.parametrize(
    "module",
    [
        "pyama_core.cli.run",
        "pyama_core.functions",
        "pyama_core.processing.workflow.pipeline",
        "pyama_core.processing.segmentation.trained",
        "pyama_core.io.experiment",
        "napari_pyama.background.run",
        "napari_pyama.background.training",
    ],
)
def test_packages_of_the_extras_are_needed_only_where_they_are_used(module: str) -> None:
    extras = ("distributed", "sklearn", "pyarrow", "laptrack", "cellpose", "imagecodecs")
    missing = "\n".join(f"sys.modules[{name!r}] = None" for name in extras)
    assert loaded_by(f"{missing}\nimport {module}")
