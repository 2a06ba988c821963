"""Plans and summaries as text."""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import typer
from tqdm import tqdm

from pyama_core.cli.exit_codes import EXIT_FAILED, EXIT_OK
from pyama_core.environment import (
    DEPENDENCIES,
    OPTIONAL_PACKAGES,
    WINDOW_PACKAGES,
    system,
    versions,
)
from pyama_core.fov_ranges import format_fovs
from pyama_core.io.microscopy import open_microscopy
from pyama_core.io.types import ChannelInfo, MicroscopyMetadata
from pyama_core.messages import Message, Weight, rank
from pyama_core.processing.workflow.layout import RUNS_FOLDER, fov_folder_name
from pyama_core.processing.workflow.outputs import free_bytes
from pyama_core.processing.workflow.planning import PreparedRun
from pyama_core.processing.workflow.provenance import damages, mixed_recipes, statuses
from pyama_core.processing.workflow.run_records import KILLED, RUNNING, RunSummary, read_runs
from pyama_core.processing.workflow.services.base import NO_PROGRESS, WORKFLOW, ProgressEvent
from pyama_core.processing.workflow.status import FovStatus
from pyama_core.processing.workflow.step_order import ordered_services

_MOST_MESSAGES: Final = 8
_COLORS: Final[dict[Weight, str | None]] = {"info": None, "warning": "yellow", "error": "red"}


def show_plan(run: PreparedRun, *, everything: bool) -> None:
    """Say what to doubt, and what will be done and why; what is just new only if `everything`."""
    for warning in run.metadata.warnings:
        show_message(Message(warning, "warning"))
    reasons: dict[tuple[str, str], list[int]] = defaultdict(list)
    for fov, planned in run.plans.items():
        for step in planned:
            if step.runs and (everything or step.state != "missing"):
                reasons[step.step, step.why].append(fov)
    for (name, why), fovs in reasons.items():
        typer.echo(f"{name} of FOV {format_fovs(fovs)}: {why}")
    n_done = len(run.plans) - len(run.unfinished)
    if n_done:
        typer.echo(f"{n_done} of {len(run.plans)} FOVs are done already.")
    if everything:
        _show_disk(run)


def show_summary(summary: RunSummary, seconds: float) -> None:
    """Print the closing table."""
    rows = [
        ("FOVs", f"{summary.n_fovs - len(summary.failures)} of {summary.n_fovs} done"),
        ("Cells", f"{summary.n_cells}"),
        ("Traces", f"{summary.n_traces}, {summary.n_good} of them good{_rejected(summary)}"),
        ("Seconds", f"{seconds:.1f} in all; {_by_step(summary)}"),
        ("Failures", "none" if not summary.failures else f"{len(summary.failures)}"),
    ]
    typer.echo()
    for name, value in rows:
        typer.echo(f"{name:<9} {value}")
    for fov, error in summary.failures.items():
        typer.echo(f"  FOV {fov}: {error}")
    if summary.failures:
        typer.echo(f"  The newest file in {RUNS_FOLDER} in the output folder has the details.")
    for message in summary.of_folder[:_MOST_MESSAGES]:
        show_message(message)
    _show_messages(summary.messages)


def _rejected(summary: RunSummary) -> str:
    return "".join(f"; {n} {reason}" for reason, n in summary.rejected.most_common())


def _show_messages(messages: Mapping[Message, Sequence[int]]) -> None:
    """Show the heaviest, then what concerns most FOVs; those that name a number differ by FOV."""
    ordered = sorted(messages.items(), key=lambda item: (rank(item[0]), -len(item[1])))
    for message, fovs in ordered[:_MOST_MESSAGES]:
        show_message(message, f"FOV {format_fovs(fovs)}: ")
    if len(ordered) > _MOST_MESSAGES:
        n_left = len(ordered) - _MOST_MESSAGES
        typer.echo(f"... and {n_left} more messages: `pyama status FOLDER --messages` shows all.")


def show_message(message: Message, subject: str = "", indent: str = "") -> None:
    """Print a message, its weight before it and in a color of its own."""
    heading = message.weight.title()
    typer.secho(f"{indent}{heading}: {subject}{message.text}", fg=_COLORS[message.weight])


def _by_step(summary: RunSummary) -> str:
    if not summary.seconds:
        return "no step was done" if summary.failures else "nothing was left to do"
    each = ", ".join(f"{step} {value:.1f}" for step, value in summary.seconds.items())
    return f"work by step: {each}"


def _show_disk(run: PreparedRun) -> None:
    free = free_bytes(run.layout.output_dir)
    typer.echo(f"Disk: {run.bytes_needed / 1e9:.2f} GB needed, {free / 1e9:.2f} GB free.")


class ProgressBars:
    """Takes progress events; draws bars on a terminal, plain lines elsewhere."""

    def __init__(self, n_fovs: int) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._last_task: dict[int, str] = {}
        self._bars: dict[int, Any] = {}
        self._overall = tqdm(
            total=n_fovs, desc="FOVs", unit="FOV", disable=not self._is_terminal, leave=False
        )

    def __call__(self, event: ProgressEvent) -> None:
        """Show an event."""
        if event["message"].startswith(NO_PROGRESS):
            write_event(event)
        elif event["step"] == WORKFLOW:
            self._end_fov(event)
        elif self._is_terminal and event["fov"] >= 0:
            self._draw(event)
        else:
            self._say_step(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for bar in (*self._bars.values(), self._overall):
            bar.close()

    def _draw(self, event: ProgressEvent) -> None:
        fov = event["fov"]
        if fov not in self._bars:
            self._bars[fov] = tqdm(total=event["T"], unit="frame", leave=False)
        bar = self._bars[fov]
        task = f"{event['step']}: {event['message']}"
        if self._last_task.get(fov) != task:
            self._last_task[fov] = task
            bar.set_description_str(f"FOV {fov:3d} {task}", refresh=False)
            bar.reset(event["T"])
        bar.n = event["t"] + 1
        bar.refresh()

    def _end_fov(self, event: ProgressEvent) -> None:
        if bar := self._bars.pop(event["fov"], None):
            bar.close()
        self._overall.update()
        tqdm.write(f"FOV {event['fov']}: {event['message']}", file=sys.stderr)

    def _say_step(self, event: ProgressEvent) -> None:
        if self._last_task.get(event["fov"]) != event["step"]:
            self._last_task[event["fov"]] = event["step"]
            write_event(event)


def write_event(event: ProgressEvent) -> None:
    """Write an event as a line of its own, above the bars where there are any."""
    where = f"FOV {event['fov']}: " if event["fov"] >= 0 else ""
    tqdm.write(f"{where}{event['step']}: {event['message']}", file=sys.stderr)


_MOST_NAMES: Final = 12
_MINUTES_PER_UNIT: Final = ((60.0, "h"), (1.0, "min"), (1 / 60, "s"), (1 / 60_000, "ms"))


def show_info(path: Path) -> None:
    """Print what a file says of itself, one fact a line."""
    with open_microscopy(path) as source:
        metadata = source.metadata
    for name, value in _facts(metadata):
        typer.echo(f"{name:<11} {value}")
    for warning in metadata.warnings:
        typer.echo(f"Warning: {warning}")


def show_environment() -> None:
    """Print versions and system, one fact a line, for a bug report."""
    packages = (*DEPENDENCIES, *WINDOW_PACKAGES, *OPTIONAL_PACKAGES)
    for name, value in (system() | versions(packages)).items():
        typer.echo(f"{name:<13} {value}")


def _facts(metadata: MicroscopyMetadata) -> Iterator[tuple[str, str]]:
    yield "File", metadata.file_path.name
    yield "Positions", f"{metadata.n_fovs}{_names(metadata.fov_names)}"
    yield "Frames", _frames(metadata)
    yield "Size", f"{metadata.width} x {metadata.height} px, {metadata.dtype}"
    yield "Pixel size", _or_unknown(metadata.pixel_size_um, "um")
    yield "Z", f"{metadata.n_z} plane{_plural(metadata.n_z)}" + _z_step(metadata)
    yield "Time axis", _time_axis(metadata)
    for index, channel in enumerate(metadata.channels):
        yield f"Channel {index}", _channel(channel)


def _frames(metadata: MicroscopyMetadata) -> str:
    held = [metadata.n_frames_held(fov) for fov in range(metadata.n_fovs)]
    least, most = min(held), max(held)
    if least == metadata.n_frames:
        return f"{least}"
    share = f"{most}" if least == most else f"{least} to {most}, by position,"
    return f"{share} held of {metadata.n_frames} listed"


def _names(names: tuple[str, ...]) -> str:
    shown = [name for name in names[:_MOST_NAMES] if name]
    if not shown:
        return ""
    more = f", ... ({len(names)} in all)" if len(names) > _MOST_NAMES else ""
    return f" ({', '.join(shown)}{more})"


def _channel(channel: ChannelInfo) -> str:
    emission = f", emission {channel.emission_nm:g} nm" if channel.emission_nm else ""
    return f"{channel.name}{emission}"


def _time_axis(metadata: MicroscopyMetadata) -> str:
    fov, frames = _most_complete(metadata)
    if len(frames) < 2:
        return "a single frame" if frames else "no frame"
    if metadata.time_source == "frame index":
        return f"not recorded: the frame index 0 to {frames[-1]} stands for time"
    first, last = metadata.times_of(fov)[[frames[0], frames[-1]]]
    interval = (last - first) / (frames[-1] - frames[0])
    return (
        f"{_duration(first)} to {_duration(last)}, every {_duration(interval)} on average, "
        f"from {_source_in_words(metadata)}"
    )


def _most_complete(metadata: MicroscopyMetadata) -> tuple[int, list[int]]:
    """Return the FOV of which the file holds most frames, and these."""
    fov = max(range(metadata.n_fovs), key=metadata.n_frames_held)
    missing = set(metadata.missing_frames.get(fov, ()))
    return fov, [frame for frame in range(metadata.n_frames) if frame not in missing]


def _duration(minutes: float) -> str:
    """Write a time in the largest unit of which it is at least one."""
    if not minutes:
        return "0"
    size, unit = next(
        ((size, unit) for size, unit in _MINUTES_PER_UNIT if minutes >= size),
        _MINUTES_PER_UNIT[-1],
    )
    return f"{minutes / size:.4g} {unit}"


def _source_in_words(metadata: MicroscopyMetadata) -> str:
    if metadata.time_source == "frames":
        return "the frames' own times"
    return f"the {metadata.time_source} of the time loop"


def _z_step(metadata: MicroscopyMetadata) -> str:
    return f", {metadata.z_step_um:g} um apart" if metadata.z_step_um else ""


def _or_unknown(value: float | None, unit: str) -> str:
    return "not recorded" if value is None else f"{value:.4g} {unit}"


def _plural(n: int) -> str:
    return "" if n == 1 else "s"


_ALL_WELL: Final = "Every file is as it was written."
_NOT_WELL: Final = "Remove what was changed or damaged, and a run makes it again."


def show_status(folder: Path, *, verify: bool, messages: bool) -> int:
    """Print the state of every FOV; return 1 where something failed or is damaged."""
    found, all_well = statuses(folder), True
    for fov, status in found.items():
        wrong = list(damages(folder / fov_folder_name(fov), status, verify=verify))
        typer.echo(f"FOV {fov}: {_steps(status)}")
        for sentence in [*_failures(status), *wrong]:
            typer.echo(f"  {sentence}")
            all_well = False
        for message in _messages(status, everything=messages):
            show_message(message, indent="  ")
    for message in mixed_recipes(found):
        show_message(message)
    _show_runs(folder)
    if verify:
        typer.echo(_ALL_WELL if all_well else _NOT_WELL)
    return EXIT_OK if all_well else EXIT_FAILED


def _show_runs(folder: Path) -> None:
    """Print the last runs, those at work and those that were killed."""
    runs = read_runs(folder)
    for run in [run for run in runs[:-1] if run.get("outcome") in (RUNNING, KILLED)] + runs[-1:]:
        fovs = f" of FOV {run['fovs']}" if run.get("fovs") else ""
        took = f", {run['seconds']} s" if run.get("seconds") else ""
        typer.echo(f"Run{fovs}, started {run.get('started')}: {run.get('outcome')}{took}")


def _steps(status: FovStatus) -> str:
    states: dict[str, str] = dict.fromkeys((s.name for s in ordered_services()), "missing")
    states |= {step: record.state for step, record in status.steps.items()}
    return ", ".join(f"{step} {state}" for step, state in states.items())


def _messages(status: FovStatus, *, everything: bool) -> list[Message]:
    """Return the messages of all steps, the heaviest first; mere information if `everything`."""
    said = [message for record in status.steps.values() for message in record.messages]
    return sorted((m for m in said if everything or m.weight != "info"), key=rank)


def _failures(status: FovStatus) -> list[str]:
    return [f"{step}: {r.error}" for step, r in status.steps.items() if r.state == "failed"]
