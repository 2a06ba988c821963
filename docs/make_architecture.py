"""Draws the picture of the architecture page from the imports of the code, and lists its arrows."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

SOURCES: Final = Path(__file__).parents[1] / "src"
PAGE: Final = Path(__file__).parent / "architecture.md"
PICTURE: Final = Path(__file__).parent / "images" / "architecture.svg"
BEGIN, END = "<!-- arrows: made from the imports -->", "<!-- end of arrows -->"

_ROOMS: Final = ("napari_pyama", "pyama_core", "pyama_core.processing")
"""Packages whose packages are rooms of their own; loose modules belong to the package itself."""

_ROOMS_OF_ONE: Final = (
    "pyama_core.functions",
    "pyama_core.overview",
    "napari_pyama.reader",
    "napari_pyama.background.task",
    "napari_pyama.session.opener",
    "napari_pyama.session.viewer_setup",
)
"""Modules that stand on top of other rooms than theirs, or below them."""

_FOUNDATIONS: Final = {"pyama_core", "pyama_core.processing"}
"""Small modules that all others use, such as errors; arrows to them would hide the rest."""

Arrows = Mapping[str, set[str]]


def arrows() -> dict[str, set[str]]:
    """Return for each room the rooms that it imports from."""
    found: dict[str, set[str]] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        here = room_of(_dotted(path))
        found.setdefault(here, set())
        found[here] |= {room_of(name) for name in _imported(path)} - {here}
    return found


def room_of(module: str) -> str:
    """Return the room that a module or package belongs to."""
    alone = next((room for room in _ROOMS_OF_ONE if f"{module}.".startswith(f"{room}.")), None)
    if alone:
        return alone
    for outer in sorted(_ROOMS, key=len, reverse=True):
        inner = f"{module}.".removeprefix(f"{outer}.")
        if inner == f"{module}.":
            continue
        name = inner.partition(".")[0]
        folder = SOURCES.joinpath(*outer.split("."), name)
        return f"{outer}.{name}" if name and folder.is_dir() else outer
    return module


def main() -> None:
    """Draw the picture and write the list."""
    found = arrows()
    _draw(_without_detours(found))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8", newline="\n")


def page(text: str, found: Arrows) -> str:
    """Return the page with the list of arrows between its marks."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    lines = ["| room | imports from |", "|---|---|"]
    for room in sorted(found):
        lines.append(f"| `{room}` | {', '.join(f'`{other}`' for other in sorted(found[room]))} |")
    return f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{after}"


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_ROOMS[:2]):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _without_detours(found: Arrows) -> dict[str, set[str]]:
    """Leave out arrows that a longer way implies, and those to the foundations."""
    kept = {
        room: others - _FOUNDATIONS for room, others in found.items() if room not in _FOUNDATIONS
    }
    reach = {room: _reachable(kept, room) for room in kept}
    return {
        room: {o for o in others if not any(o in reach[via] for via in others - {o})}
        for room, others in kept.items()
    }


def _reachable(found: Arrows, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for other in found[waiting.pop()] - seen:
            seen.add(other)
            waiting.append(other)
    return seen


def _rank(found: Arrows, room: str) -> int:
    return 1 + max((_rank(found, other) for other in found[room]), default=-1)


def _draw(found: Arrows) -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    places = _places(found)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "architecture"}):
        figure = Figure(figsize=(11, 1.15 * (1 + max(y for _, y in places.values()))))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(-0.5, 5.5), ylim=(-0.5, 0.5 + max(y for _, y in places.values())))
        axes.axis("off")
        for room, others in sorted(found.items()):
            for other in sorted(others):
                _arrow(axes, places[room], places[other])
        for room, place in places.items():
            _box(axes, room, place)
        figure.savefig(PICTURE, metadata={"Date": None})


def _places(found: Arrows) -> dict[str, tuple[float, float]]:
    rows: dict[int, list[str]] = {}
    for room in sorted(found):
        rows.setdefault(_rank(found, room), []).append(room)
    return {
        room: (5 * (i + 0.5) / len(row), float(rank))
        for rank, row in rows.items()
        for i, room in enumerate(row)
    }


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "",
        xy=(end[0], end[1] + 0.2),
        xytext=(start[0], start[1] - 0.2),
        arrowprops={"arrowstyle": "-|>", "color": "#7a869a", "lw": 1.1},
    )


def _box(axes: Any, room: str, place: tuple[float, float]) -> None:
    plugin = room.startswith("napari_pyama")
    name = room.rpartition(".")[2]
    axes.text(
        *place,
        name,
        ha="center",
        va="center",
        fontsize=12,
        family="sans-serif",
        bbox={
            "boxstyle": "round,pad=0.5",
            "facecolor": "#e3f0ff" if plugin else "#eaf6ea",
            "edgecolor": "#3b6ea5" if plugin else "#4b8b4b",
        },
    )


if __name__ == "__main__":
    main()
