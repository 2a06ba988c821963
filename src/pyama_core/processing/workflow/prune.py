"""Removing what can be made again once the traces are there."""

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
    """Remove raw copies and intermediate stacks of a finished FOV."""
    status = read_status(layout.status(fov))
    pruned = {
        name: _pruned(record) if name in PRUNED_STEPS and record.state == "done" else record
        for name, record in status.steps.items()
    }
    write_status(layout.status(fov), FovStatus(pruned))
    for name in PRUNED_STEPS:
        for output in status.steps[name].outputs if name in status.steps else ():
            if output.name.endswith(".npy"):
                (layout.folder(fov) / output.name).unlink(missing_ok=True)


def _pruned(record: StepRecord) -> StepRecord:
    kept = tuple(output for output in record.outputs if not output.name.endswith(".npy"))
    return record if kept == record.outputs else replace(record, state="pruned", outputs=kept)
