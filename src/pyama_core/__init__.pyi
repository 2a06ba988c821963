# What `pyama_core` offers, and where it lives: read by type checkers, and when it is first used.

from .errors import InputError, ReadError
from .functions import copy, correct_background, extract_traces, segment, track
from .io.microscopy import open_microscopy
from .io.results import read_results
from .io.samples import merge_samples, read_samples
from .io.sources import ArraySource
from .io.traces import read_traces
from .io.types import ChannelInfo, MicroscopyFile, MicroscopyMetadata
from .messages import Message
from .processing.workflow.pipeline import run_complete_workflow
from .processing.workflow.services.base import BaseProcessingService
from .processing.workflow.services.types import Channels, ProcessingContext

__all__ = [
    "ArraySource",
    "BaseProcessingService",
    "ChannelInfo",
    "Channels",
    "InputError",
    "Message",
    "MicroscopyFile",
    "MicroscopyMetadata",
    "ProcessingContext",
    "ReadError",
    "copy",
    "correct_background",
    "extract_traces",
    "merge_samples",
    "open_microscopy",
    "read_results",
    "read_samples",
    "read_traces",
    "run_complete_workflow",
    "segment",
    "track",
]

__version__: str
