"""What steps say of a FOV: kept with that FOV, with a weight."""

import json
import time
from pathlib import Path

from pyama_core.messages import Message, rank
from pyama_core.processing.workflow.layout import STATUS_FILE
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.types import Channels, ProcessingContext
from pyama_core.processing.workflow.status import read_status
from tests.runs import N_FOVS, context_for, run, small_metadata


class NamingService(BaseProcessingService):
    """Says which FOV it is at, slowly enough for several threads to be in it at once."""

    name = "naming"

    def process_fov(self, metadata, context, output_dir, fov):
        for t in range(5):
            time.sleep(0.02)
            context.add_message(fov, f"frame {t} of FOV {fov}", "warning")


def test_messages_of_steps_in_threads_stay_with_their_fov(small_nd2: Path, tmp_path: Path) -> None:
    service = NamingService()
    assert run(small_metadata(small_nd2), context_for(tmp_path), services=[service])
    for fov in range(N_FOVS):
        record = read_status(tmp_path / f"fov_{fov:03d}" / STATUS_FILE).steps["naming"]
        expected = [Message(f"frame {t} of FOV {fov}", "warning") for t in range(5)]
        assert list(record.messages) == expected


def test_a_service_that_processes_all_fovs_keeps_their_messages_apart(tmp_path: Path) -> None:
    context = ProcessingContext(tmp_path, Channels(pc=0))
    metadata = small_metadata(tmp_path / "movie.nd2")
    NamingService().process_all_fovs(metadata, context, tmp_path)
    assert sorted(context.messages) == list(range(N_FOVS))
    assert all(len(messages) == 5 for messages in context.messages.values())
    assert all(f"FOV {fov}" in m.text for fov, ms in context.messages.items() for m in ms)


def test_sentences_recorded_without_a_weight_are_read_as_information(tmp_path: Path) -> None:
    record = {"state": "done", "stamp": {"input": "x", "version": 1}, "notes": ["of old"]}
    path = tmp_path / STATUS_FILE
    path.write_text(json.dumps({"steps": {"copy": record}}))
    assert read_status(path).steps["copy"].messages == (Message("of old", "info"),)


def test_the_heaviest_messages_come_first() -> None:
    info, warning, error = Message("a"), Message("b", "warning"), Message("c", "error")
    assert sorted([info, warning, error], key=rank) == [error, warning, info]
