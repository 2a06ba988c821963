"""The metadata records of an ND2 file, as NIS-Elements names them."""

from collections.abc import Sequence

import numpy as np

from pyama_core.io.clx import Value, encode
from pyama_core.io.microscopy import ChannelInfo
from pyama_core.io.nd2_layout import FrameType, Nd2Layout, TimePhase

_FLUORESCENCE, _PHASE_CONTRAST, _CAMERA = 0x1, 0x10, 0x100


def attributes_record(frame_type: FrameType, layout: Nd2Layout) -> bytes:
    """Describe size, type and storage of the frames."""
    n_channels, height, width = frame_type.shape
    bits = 8 * frame_type.dtype.itemsize
    attributes: dict[str, Value] = {
        "uiWidth": width,
        "uiWidthBytes": frame_type.row_bytes(layout),
        "uiHeight": height,
        "uiComp": n_channels,
        "uiBpcInMemory": bits,
        "uiBpcSignificant": bits,
        "uiSequenceCount": int(np.prod(list(layout.sizes.values()))),
        "uiTileWidth": width,
        "uiTileHeight": height,
        "eCompression": np.int32(0 if layout.compress else 2),
        "dCompressionParam": 0.0,
        "ePixelType": np.int32(2 if frame_type.dtype.kind == "f" else 1),
        "uiVirtualComponents": n_channels,
    }
    return encode("SLxImageAttributes", attributes)


def picture_record(channels: Sequence[ChannelInfo], pixel_size_um: float | None) -> bytes:
    """Describe channels and scale."""
    planes: dict[str, Value] = {f"a{i}": _plane(channel) for i, channel in enumerate(channels)}
    picture: dict[str, Value] = {
        "dTimeMSec": 0.0,
        "dTimeAbsolute": 0.0,
        "dXPos": 0.0,
        "dYPos": 0.0,
        "dZPos": 0.0,
        "sPicturePlanes": {
            "uiCount": len(channels),
            "uiCompCount": len(channels),
            "sPlaneNew": planes,
        },
        "wsObjectiveName": "",
        "dObjectiveMag": 0.0,
        "dObjectiveNA": 0.0,
        "dCalibration": float(pixel_size_um or 0.0),
        "bCalibrated": pixel_size_um is not None,
    }
    return encode("SLxPictureMetadata", picture)


def _plane(channel: ChannelInfo) -> dict[str, Value]:
    modality = _PHASE_CONTRAST if channel.emission_nm is None else _FLUORESCENCE
    color = _color_number(channel.color or "#ffffff")
    probe: dict[str, Value] = {
        "m_sName": channel.name,
        "m_uiColor": color,
        "m_ExcitationSpectrum": _spectrum(channel.excitation_nm),
        "m_EmissionSpectrum": _spectrum(channel.emission_nm),
    }
    return {
        "uiCompCount": 1,
        "uiSampleIndex": 0,
        "uiModalityMask": modality | _CAMERA,
        "pFluorescentProbe": probe,
        "uiColor": color,
        "sDescription": channel.name,
    }


def _color_number(color: str) -> int:
    """0xBBGGRR of ``#rrggbb``."""
    return int.from_bytes(bytes.fromhex(color.removeprefix("#")), "little")


def _spectrum(wavelength_nm: float | None) -> dict[str, Value]:
    points: dict[str, Value] = {}
    if wavelength_nm is not None:
        line: dict[str, Value] = {
            "eType": np.int32(4),
            "dWavelength": float(wavelength_nm),
            "dTValue": 1.0,
        }
        points["Point0"] = line
    return {"uiCount": len(points), "pPoint": points, "bPoints": False}


def experiment_record(layout: Nd2Layout) -> bytes:
    """Nest the loops, each holding the next inner one; empty for a still image."""
    inner: dict[str, Value] = {}
    describe = {"T": _time_loop, "P": _position_loop, "Z": _z_loop}
    for loop in reversed(layout.order):
        outer = describe[loop](layout)
        if outer and inner:
            outer |= {"uiNextLevelCount": 1, "ppNextLevelEx": [inner]}
        inner = outer or inner
    return encode("SLxExperiment", inner) if inner else b""


def _time_loop(layout: Nd2Layout) -> dict[str, Value]:
    phases = [_time_phase(phase) for phase in layout.phases]
    if len(phases) == 1:
        return {"eType": np.int32(1), "uLoopPars": phases[0]}
    several: dict[str, Value] = {
        "uiCount": layout.sizes["T"],
        "uiPeriodCount": len(phases),
        "pPeriod": phases,
        "pPeriodValid": bytes([1] * len(phases)),
    }
    return {"eType": np.int32(8), "uLoopPars": several}


def _time_phase(phase: TimePhase) -> dict[str, Value]:
    return {
        "uiCount": phase.n_frames,
        "dStart": 0.0,
        "dPeriod": float(phase.period_ms),
        "dDuration": float(phase.period_ms * phase.n_frames),
        "dAvgPeriodDiff": float(phase.mean_period_ms),
        "dMaxPeriodDiff": float(phase.mean_period_ms),
        "dMinPeriodDiff": float(phase.mean_period_ms),
    }


def _position_loop(layout: Nd2Layout) -> dict[str, Value]:
    if not layout.positions:
        return {}
    points: list[Value] = [
        {
            "dPosX": float(position.x_um),
            "dPosY": float(position.y_um),
            "dPosZ": float(position.z_um),
            "dPFSOffset": -1.0,
            "dPosName": position.name,
        }
        for position in layout.positions
    ]
    return {
        "eType": np.int32(2),
        "uLoopPars": {"uiCount": len(points), "bUseZ": True, "Points": points},
        "pItemValid": bytes(position.valid for position in layout.positions),
    }


def _z_loop(layout: Nd2Layout) -> dict[str, Value]:
    if layout.n_z == 1:
        return {}
    height = layout.z_step_um * (layout.n_z - 1)
    z: dict[str, Value] = {
        "uiCount": layout.n_z,
        "dZStep": float(layout.z_step_um),
        "dZLow": 0.0,
        "dZHigh": height,
        "dZHome": height / 2,
    }
    return {"eType": np.int32(4), "uLoopPars": z}
