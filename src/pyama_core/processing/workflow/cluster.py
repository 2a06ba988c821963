"""The channel between a run and the workers of a dask cluster."""

from dataclasses import dataclass
from typing import Any

from pyama_core.processing.workflow.channel import QueueChannel
from pyama_core.processing.workflow.services.base import ProgressEvent


@dataclass
class NamedChannel:
    """A dask worker's end: only names travel, for a scheduler unpickles what it passes on."""

    events_name: str
    flag_name: str

    def put(self, event: ProgressEvent) -> None:
        """Send a progress event through the cluster's queue."""
        from distributed import Queue

        Queue(self.events_name).put(event)  # type: ignore[no-untyped-call]

    def cancelled(self) -> bool:
        """Whether the cluster's event is set."""
        from distributed import Event

        return bool(Event(self.flag_name).is_set())  # type: ignore[no-untyped-call]


class DaskChannel(QueueChannel):
    """The caller's end of a channel over a dask cluster."""

    def __reduce__(self) -> tuple[type[NamedChannel], tuple[str, str]]:
        return NamedChannel, (self.events.name, self.flag.name)


def dask_channel(client: Any) -> DaskChannel:
    """Make a channel that lives on the scheduler of a dask client."""
    from distributed import Event, Queue

    return DaskChannel(Queue(client=client), Event(client=client))  # type: ignore[no-untyped-call]
