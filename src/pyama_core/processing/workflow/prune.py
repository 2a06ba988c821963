"""Removing what can be made again once the traces are there."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final, Literal, get_args

from pyama_core.errors import InputError
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.status import (
    FovStatus,
    StepRecord,
    read_status,
    write_status,
)

Keep = Literal["all", "results"]
"""What stays on disk: everything, or tracked cells, backgrounds, lineages and traces."""

PRUNED_STEPS: Final = ("copy", "segmentation", "correction")


def check_keep(keep: str) -> None:
    """Raise InputError unless `keep` is one of `Keep`."""
    if keep not in get_args(Keep):
        allowed = " or ".join(map(repr, get_args(Keep)))
        raise InputError(f"keep is {keep!r}: it must be {allowed}.")


def prune_fov(layout: Layout, fov: int) -> None:
    """Remove raw copies and intermediate stacks of a finished FOV, by the names of the layout."""
    status, stacks = read_status(layout.status(fov)), layout.stacks(fov)
    names = {path.name for path in stacks}
    pruned = {
        name: _pruned(record, names) if name in PRUNED_STEPS and record.state == "done" else record
        for name, record in status.steps.items()
    }
    if pruned != status.steps:
        write_status(layout.status(fov), FovStatus(pruned))
    for path in stacks:
        path.unlink(missing_ok=True)


def _pruned(record: StepRecord, names: Collection[str]) -> StepRecord:
    kept = tuple(output for output in record.outputs if output.name not in names)
    return record if kept == record.outputs else replace(record, state="pruned", outputs=kept)
