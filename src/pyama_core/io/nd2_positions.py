"""Stage positions of an ND2 file: names, and those marked invalid, which hold no frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyama_core.io.nd2_picture import experiment_name, printable, raw_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import nd2

_POSITIONS: Final = "XYPosLoop"
_POSITIONS_CODE: Final = 2


def fov_names(experiment: Iterable[Any], n_fovs: int) -> tuple[str, ...]:
    """Name every FOV, by its number where the file does not."""
    stated: Sequence[str | None] = [None] * n_fovs
    for loop in experiment:
        if loop.type == _POSITIONS:
            stated = [printable(point.name) for point in loop.parameters.points]
    if len(stated) != n_fovs:
        stated = [None] * n_fovs
    return tuple(name or f"FOV {fov}" for fov, name in enumerate(stated))


def invalid_warning(file: nd2.ND2File) -> tuple[str, ...]:
    """Say which positions are left out, since FOVs are not numbered as on the microscope then."""
    has_positions = any(loop.type == _POSITIONS for loop in file.experiment)
    if not has_positions or file.is_legacy:
        return ()
    record = raw_record(file, experiment_name(file), "SLxExperiment")
    names, left_out = _listed(_position_loop(record) or {})
    if not left_out:
        return ()
    return (
        f"Positions marked invalid hold no frames and are left out: {', '.join(left_out)} "
        f"({len(left_out)} of {len(names)}); FOVs are numbered without them.",
    )


def _listed(loop: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Name all positions of a loop, and those that it marks invalid."""
    points = loop.get("uLoopPars", {}).get("Points", {}).values()
    names = [
        printable(point.get("dPosName")) or f"number {n}" for n, point in enumerate(points, start=1)
    ]
    valid = loop.get("pItemValid") or ()
    return names, [name for name, is_valid in zip(names, valid, strict=False) if not is_valid]


def _position_loop(loop: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find the loop over positions among a loop and the ones inside it."""
    if loop.get("eType") == _POSITIONS_CODE:
        return loop
    inner = (loop.get("ppNextLevelEx") or {}).values()
    return next((found for one in inner if (found := _position_loop(one))), None)
