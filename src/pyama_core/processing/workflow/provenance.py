"""What made an output: keys from inputs and parameters, and why two of them differ."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import xxhash
from pydantic import BaseModel

from pyama_core.errors import InputError
from pyama_core.fov_ranges import format_fovs
from pyama_core.io.atomic import digest_file
from pyama_core.io.result_files import fov_folders
from pyama_core.io.types import MicroscopyMetadata
from pyama_core.io.untrusted import InsideFolder
from pyama_core.messages import Message
from pyama_core.processing.workflow.layout import STATUS_FILE, Layout
from pyama_core.processing.workflow.params import WorkflowParams
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.status import FovStatus, OutputRecord, Stamp, read_status


def key_of(stamp: Stamp) -> str:
    """Digest of all that decides what a step writes."""
    parts = [stamp.input, stamp.version, stamp.params, stamp.channels, stamp.reads]
    return xxhash.xxh3_128_hexdigest(json.dumps(parts, sort_keys=True).encode())


def wanted_stamps(
    services: Sequence[BaseProcessingService],
    params: WorkflowParams,
    metadata: MicroscopyMetadata,
    layout: Layout,
    input_key: str,
) -> dict[str, Stamp]:
    """Return the stamp every step of a run will leave, by step name, in the order of the steps."""
    stamps: dict[str, Stamp] = {}
    for service in services:
        stamp = stamp_of(service, params, metadata, layout, input_key, stamps)
        stamps[service.name] = stamp
    return stamps


def stamp_of(
    service: BaseProcessingService,
    params: WorkflowParams,
    metadata: MicroscopyMetadata,
    layout: Layout,
    input_key: str,
    read: Mapping[str, Stamp],
) -> Stamp:
    """Return the stamp that a step leaves, which reads what steps with other stamps have made."""
    section = params.section(service.name)
    return Stamp(
        input=input_key,
        version=service.version,
        params=_stated(service, section) if section and service.name != "copy" else {},
        channels={
            name: params.copying.z_of(c, metadata.channel_names)
            for name, c in _channels(service, layout).items()
        },
        reads={step: key_of(read[step]) for step in _read_steps(service) if step in read},
    )


def _channels(service: BaseProcessingService, layout: Layout) -> dict[str, int]:
    """Name the channels a step uses; to one that uses all it matters which one is segmented."""
    if type(service).channels_used is not BaseProcessingService.channels_used:
        return {str(c): c for c in service.channels_used(layout)}
    return {f"pc {layout.pc}": layout.pc, **{f"fl {c}": c for c in layout.fl}}


def _stated(service: BaseProcessingService, section: BaseModel) -> dict[str, Any]:
    """Return the parameters, and the digests of the files they name."""
    digests = {
        f"{name} (content)": key_of_files(paths)
        for name, paths in service.files_read(section).items()
    }
    return {**section.model_dump(mode="json"), **digests}


def key_of_files(paths: Sequence[Path]) -> str:
    """Digest of the files' names and contents."""
    parts = [(path.name, digest_file(path)) for path in paths if path.is_file()]
    return xxhash.xxh3_128_hexdigest(json.dumps(parts).encode())


def differences(made: Stamp, wanted: Stamp, step: str) -> list[str]:
    """Say why what was made is not what is wanted, one reason each; empty where it is."""
    reasons = [
        *_changed_params(step, made.params, wanted.params),
        *_changed_channels(made.channels, wanted.channels),
        *(f"{name} changed" for name in wanted.reads if made.reads.get(name) != wanted.reads[name]),
    ]
    if made.version != wanted.version:
        reasons.append(f"the method changed from version {made.version} to {wanted.version}")
    if made.input != wanted.input:
        reasons.append("the microscopy file changed")
    return reasons or (["it was made differently"] if key_of(made) != key_of(wanted) else [])


def _read_steps(service: BaseProcessingService) -> Iterator[str]:
    """Return the steps whose keys count: raw frames count by channel, not by the copying step."""
    reads = service.reads or ((service.after,) if service.after else ())
    return (step for step in reads if step != "copy")


def _changed_params(step: str, made: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    for name in {**made, **wanted}:
        before, after = made.get(name, "not set"), wanted.get(name, "not set")
        if before != after:
            yield f"parameter {step}.{name} changed from {before} to {after}"


def _changed_channels(made: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    for channel in {**made, **wanted}:
        if channel not in made:
            yield f"channel {channel} was added"
        elif channel not in wanted:
            yield f"channel {channel} was left out"
        elif made[channel] != wanted[channel]:
            yield f"plane of channel {channel} changed from {made[channel]} to {wanted[channel]}"


_MOST_VALUES: Final = 4
"""Of one parameter that are shown."""
_NOT_TAKEN: Final = "not used"


def mixed_recipes_in(folder: Path) -> list[Message]:
    """Return what FOVs of an output folder were made with different values of.

    Parameters
    ----------
    folder
        An output folder, or the index in it; one of PyAMA's own says nothing.
    """
    folder = folder if folder.is_dir() else folder.parent
    folders = fov_folders(folder) if folder.is_dir() else {}
    return mixed_recipes({fov: read_status(f / STATUS_FILE) for fov, f in folders.items()})


def mixed_recipes(statuses: Mapping[int, FovStatus]) -> list[Message]:
    """Return what FOVs were made with different values of: one warning each, with all values."""
    steps = dict.fromkeys(step for status in statuses.values() for step in status.steps)
    return [message for step in steps for message in _mixed_in(step, statuses)]


def _mixed_in(step: str, statuses: Mapping[int, FovStatus]) -> Iterator[Message]:
    facts = {
        fov: _facts(step, record.stamp)
        for fov, status in sorted(statuses.items())
        if (record := status.steps.get(step)) is not None and record.state != "failed"
    }
    for name in dict.fromkeys(name for of_fov in facts.values() for name in of_fov):
        fovs_of: dict[str, list[int]] = {}
        for fov, of_fov in facts.items():
            fovs_of.setdefault(_text(of_fov.get(name, _NOT_TAKEN)), []).append(fov)
        if len(fovs_of) > 1:
            yield Message(_sentence(name, fovs_of), "warning")


def _facts(step: str, stamp: Stamp) -> dict[str, Any]:
    """Return all that decides what a step writes, but for the input and for what it reads."""
    return {
        **{f"{step}.{name}": value for name, value in stamp.params.items()},
        **{f"the plane of channel {c} in {step}": z for c, z in stamp.channels.items()},
        f"the version of {step}": stamp.version,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _sentence(name: str, fovs_of: Mapping[str, list[int]]) -> str:
    each = [f"{value} for FOV {format_fovs(fovs)}" for value, fovs in fovs_of.items()]
    shown = ", ".join(each[:_MOST_VALUES])
    rest = f" and {len(each) - _MOST_VALUES} more values" if len(each) > _MOST_VALUES else ""
    return f"FOVs were made with different recipes: {name} is {shown}{rest}."


def statuses(output_dir: Path) -> dict[int, FovStatus]:
    """Return the status of every FOV in an output folder.

    Raises
    ------
    InputError
        The folder holds no results of this library.
    """
    if not output_dir.is_dir():
        raise FileNotFoundError(f"There is no folder {output_dir}: check the path.")
    found = {
        fov: read_status(folder / STATUS_FILE)
        for fov, folder in fov_folders(output_dir).items()
        if (folder / STATUS_FILE).exists()
    }
    if not found:
        raise InputError(
            f"{output_dir} holds no results of `pyama run`: give the folder named with -o."
        )
    return found


def damages(folder: Path, status: FovStatus, *, verify: bool) -> Iterator[str]:
    """Say what is wrong with the files of a FOV: gone, of another size, of another content."""
    inside = InsideFolder(folder.parent)
    if status.damage:
        yield status.damage
    for record in status.steps.values():
        for output in record.outputs:
            if damage := _damage(folder / output.name, output, verify, inside):
                yield f"{output.name} {damage}"


def damaged_steps(folder: Path, status: FovStatus, steps: Collection[str]) -> dict[str, str]:
    """Return which of some steps' files are not as they were written, each with what is wrong.

    Every file is read as a whole: a step is about to do so too.
    """
    found = {name: next(damages(folder, status.of([name]), verify=True), "") for name in steps}
    return {name: damage for name, damage in found.items() if damage}


def _damage(path: Path, output: OutputRecord, verify: bool, inside: InsideFolder) -> str:
    place = inside.place(path)
    if place != "inside":
        return "is gone" if place == "missing" else "is no file, or a link out of the folder"
    if path.stat().st_size != output.size:
        return f"has {path.stat().st_size} bytes instead of {output.size}"
    if verify and digest_file(path) != output.digest:
        return "was changed or damaged since it was written"
    return ""
