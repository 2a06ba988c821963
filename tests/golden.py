"""What every step makes of a fixed input, kept in golden.json beside its version.

``python -m tests.golden`` renews the file, after the version of each step whose results changed
has been raised.
"""

import json
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from pyama_core.io import ArraySource
from pyama_core.io.tables import read_table
from pyama_core.processing.extraction.features import INTENSITY_FEATURES
from pyama_core.processing.extraction.shape import SHAPE_FEATURES
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.resolve import layout_of
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.copying import CopyingService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from pyama_core.processing.workflow.step_order import ordered_services
from tests import golden_input

FILE = Path(__file__).with_suffix(".json")
RELATIVE, ABSOLUTE = 1e-4, 1e-3
"""By how much numbers may differ between processors and versions of NumPy and SciPy."""

BLEACHING = [600 - 50 * t for t in range(golden_input.N_FRAMES)]
STEADY = [400] * golden_input.N_FRAMES
FLASH = [value + 300 * (t == 5) for t, value in enumerate(BLEACHING)]
FEATURES = [feature.name for feature in (*SHAPE_FEATURES, *INTENSITY_FEATURES)]

Results = dict[str, Any]


class Bench:
    """One step on the fixed input: its input as files, and what it makes of them."""

    def __init__(self, service: BaseProcessingService, folder: Path, params: Mapping[str, Any]):
        arrays = [golden_input.phase(), *(_channels()[m] for m in ("bleaching", "steady", "flash"))]
        self.source = ArraySource(arrays, "TYX", name="golden", pixel_size_um=0.5)
        self.service = CopyingService(self.source) if service.name == "copy" else service
        self.context = ProcessingContext(
            folder, Channels(pc=0, fl=[1, 2, 3]), params={service.name: dict(params)}
        )
        self.folder = folder
        self.layout = layout_of(self.source.metadata, self.context, folder)

    def write(self, **stacks: Any) -> None:
        """Write stacks that earlier steps would have written."""
        for kind, stack in stacks.items():
            path: Callable[..., Path] = getattr(Layout, kind)
            one = stack if isinstance(stack, dict) else {None: stack}
            for channel, frames in one.items():
                place = path(self.layout, 0, *([] if channel is None else [channel]))
                place.parent.mkdir(parents=True, exist_ok=True)
                np.save(place, frames)

    def run(self) -> Layout:
        """Let the step work; returns where its results are."""
        self.service.process_fov(self.source.metadata, self.context, self.folder, 0)
        return self.layout


def _channels() -> dict[str, Any]:
    mediums = {"bleaching": BLEACHING, "steady": STEADY, "flash": FLASH}
    return {
        name: golden_input.fluorescence(medium, seed)
        for seed, (name, medium) in enumerate(mediums.items(), start=2)
    }


def _by_channel() -> dict[int, Any]:
    return dict(enumerate(_channels().values(), start=1))


def exact(path: Path) -> str:
    """Return a digest of a stack of whole numbers."""
    stack = np.load(path)
    kind = f"{stack.dtype.str}{stack.shape}".encode()
    return sha256(kind + np.ascontiguousarray(stack).tobytes()).hexdigest()[:16]


def rounded(values: Any) -> Any:
    """Return numbers with as many digits as are compared; None where one is not known."""
    listed = np.asarray(values, np.float64)
    if listed.ndim:
        return [rounded(value) for value in listed]
    return float(f"{round(float(listed), 4):.7g}") if np.isfinite(listed) else None


def table(path: Path) -> Results:
    """Return the columns of numbers of a table."""
    columns = read_table(path)
    return {name: rounded(column) for name, column in columns.items() if column.dtype.kind in "ifb"}


def copied(bench: Bench) -> Results:
    layout = bench.run()
    paths = [layout.phase(0), *(layout.fluorescence(0, c) for c in layout.fl)]
    return {path.name: exact(path) for path in paths}


def segmented(bench: Bench) -> Results:
    bench.write(phase=golden_input.phase())
    layout = bench.run()
    paths = (layout.segmentation(0), layout.instances(0))
    return {path.name: exact(path) for path in paths if path.exists()}


def corrected(bench: Bench) -> Results:
    bench.write(segmentation=golden_input.labels() > 0, fluorescence=_by_channel())
    layout = bench.run()
    results: Results = {}
    for c in layout.fl:
        with np.load(layout.background(0, c)) as background:
            results[f"background {c}"] = {
                "method": str(background["method"]),
                "surfaces": rounded(background["surfaces"][::3, ::2, ::2]),
                "gain": rounded(background["gain"]) if "gain" in background else None,
            }
        results[f"corrected {c}"] = rounded(np.load(layout.corrected(0, c))[:, ::24, ::25])
    return results


def tracked(bench: Bench) -> Results:
    cells = golden_input.labels()
    bench.write(phase=golden_input.phase(), segmentation=cells > 0)
    found = {"of masks": _tracks(bench)}
    bench.write(instances=cells)
    return found | {"of instances": _tracks(bench)}


def _tracks(bench: Bench) -> Results:
    layout = bench.run()
    return {"labels": exact(layout.labels(0)), "lineage": table(layout.lineage(0))}


def extracted(bench: Bench) -> Results:
    # Multiples of 1/8 are exact as float32, so that sums do not depend on their order.
    images = {c: frames.astype(np.float32) / 8 - 20 for c, frames in _by_channel().items()}
    bench.write(labels=golden_input.labels(), corrected=images, fluorescence=_by_channel())
    layout = bench.run()
    return {f"traces {c}": table(layout.traces(0, c)) for c in layout.fl}


STEPS: dict[str, tuple[Callable[[Bench], Results], dict[str, dict[str, Any]]]] = {
    "copy": (copied, {"defaults": {}}),
    "segmentation": (
        segmented,
        {
            "defaults": {},
            "split and bridged": {"split": "distance", "min_size": 100, "bridge": 1},
            "split by intensity": {"split": "intensity", "shrink": 1.0},
        },
    ),
    "correction": (
        corrected,
        {
            "defaults": {},
            "tiles": {"method": "tiles", "spatial_window": 48},
            "smooth over time": {"temporal_window": 3, "camera_offset": 100, "edges": "hold"},
        },
    ),
    "tracking": (tracked, {"defaults": {}, "no gaps": {"max_gap": 0, "correct_drift": False}}),
    "extraction": (
        extracted,
        {"all features": {"features": FEATURES, "border_distance": 1, "min_area": 200}},
    ),
}


def results_of(service: BaseProcessingService) -> Results:
    """Let a step work on the fixed input, with several choices of parameters."""
    measure, choices = STEPS[service.name]
    results = {}
    for name, params in choices.items():
        with tempfile.TemporaryDirectory() as folder:
            results[name] = measure(Bench(service, Path(folder), params))
    return results


def differences(golden: Any, now: Any, place: str = "") -> list[str]:
    """List where results differ by more than rounding; results that are new do not."""
    if isinstance(golden, dict) and isinstance(now, dict):
        return [
            found
            for key in golden
            for found in differences(golden[key], now.get(key), f"{place} > {key}")
        ]
    if isinstance(golden, list) and isinstance(now, list):
        same = _close(golden, now)
    else:
        same = golden == now
    return [] if same else [place.removeprefix(" > ")]


def _close(golden: list[Any], now: list[Any]) -> bool:
    before, after = (np.array(values, np.float64) for values in (golden, now))
    return before.shape == after.shape and np.allclose(
        before, after, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True
    )


def problem(service: BaseProcessingService, golden: Mapping[str, Any], now: Results) -> str:
    """Say what is to be done about a step's version or golden.json; empty if nothing is."""
    kept = golden.get(service.name, {"version": None, "results": {}})
    changed = differences(kept["results"], now)
    if changed and kept["version"] == service.version:
        return (
            f"raise version of step {service.name}: its results changed in {', '.join(changed)}. "
            "Then renew tests/golden.json with python -m tests.golden."
        )
    if kept["version"] != service.version:
        return (
            f"The version of step {service.name} is {service.version}, tests/golden.json is of "
            f"{kept['version']}: renew it with python -m tests.golden."
        )
    if differences(now, kept["results"]):
        return (
            f"tests/golden.json lacks results of step {service.name}: renew it with "
            "python -m tests.golden."
        )
    return ""


def read() -> dict[str, Any]:
    """Read golden.json."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def renew() -> int:
    """Write golden.json anew, unless results changed without their step's version."""
    golden = read() if FILE.exists() else {}
    renewed = {}
    for service in ordered_services():
        now = results_of(service)
        said = problem(service, golden, now)
        if said.startswith("raise"):
            print(said, file=sys.stderr)
            return 1
        kept = golden.get(service.name)
        renewed[service.name] = {"version": service.version, "results": now} if said else kept
    FILE.write_text(_text(renewed), encoding="utf-8")
    return 0


def _text(golden: Mapping[str, Any]) -> str:
    """Write JSON with a line for each list of numbers."""
    text = json.dumps(golden, indent=1)
    return re.sub(r"\[[^\[\]{}]*\]", lambda numbers: " ".join(numbers[0].split()), text) + "\n"


if __name__ == "__main__":
    sys.exit(renew())
