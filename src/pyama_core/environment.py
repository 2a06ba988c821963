"""Where a run happens: versions, system, processor and memory, for run records and bug reports."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

DEPENDENCIES: Final = (
    "napari-pyama",
    "numpy",
    "scipy",
    "numba",
    "nd2",
    "scikit-image",
    "pandas",
    "pydantic",
    "loky",
    "dask",
)
"""Packages whose versions can decide what a run computes, or whether it runs."""

WINDOW_PACKAGES: Final = (
    "napari",
    "npe2",
    "magicgui",
    "pyqtgraph",
    "qtpy",
    "PyQt6",
    "PySide6",
    "PyQt5",
    "vispy",
)
"""Packages that the plugin rests on."""

OPTIONAL_PACKAGES: Final = ("distributed", "scikit-learn", "cellpose", "laptrack", "pyarrow")
"""Packages of the extras."""

_BYTES_PER_GB: Final = 1e9


def versions(packages: tuple[str, ...] = DEPENDENCIES) -> dict[str, str]:
    """Return the versions of those packages that are installed, by name."""
    found = {name: _version_of(name) for name in packages}
    return {name: number for name, number in found.items() if number}


def system() -> dict[str, str]:
    """Return what this machine and its Python are, without a name of it, one fact by name."""
    import psutil

    return {
        "Python": platform.python_version(),
        "System": platform.platform(),
        "Processor": f"{processor()}, {usable_cores()} of {os.cpu_count()} cores usable",
        "Memory": f"{psutil.virtual_memory().total / _BYTES_PER_GB:.1f} GB",
    }


def processor() -> str:
    """Return the name of the processor, as the system gives it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            names = (line.partition(":")[2].strip() for line in file if "model name" in line)
            return next(names, platform.processor() or platform.machine())
    except OSError:
        return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Return how many cores this process may use, which a cluster limits."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
