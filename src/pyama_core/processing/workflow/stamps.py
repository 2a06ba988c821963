"""What made an output: keys from inputs and parameters, and why two of them differ."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import xxhash
from pydantic import BaseModel

from pyama_core.io.digest import digest_file
from pyama_core.io.microscopy import MicroscopyMetadata
from pyama_core.processing.workflow.layout import Layout
from pyama_core.processing.workflow.params import WorkflowParams
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.status import Stamp


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
