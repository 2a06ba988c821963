"""The steps of a run in their order: the built-in ones and the user's own."""

import sys
from collections.abc import Collection, Sequence
from importlib.metadata import EntryPoint
from itertools import accumulate
from pathlib import Path

from pyama_core.errors import InputError, sentence_of
from pyama_core.processing.workflow.execution.calls import HOW_TO_START_A_RUN, runs_refused
from pyama_core.processing.workflow.services.base import BaseProcessingService
from pyama_core.processing.workflow.services.copying import CopyingService
from pyama_core.processing.workflow.services.steps import (
    CorrectionService,
    ExtractionService,
    SegmentationService,
    TrackingService,
)


def ordered_services(custom: Sequence[BaseProcessingService] = ()) -> list[BaseProcessingService]:
    """Return all steps in their order.

    A custom step stands behind the step it names in `after`, at the end where it names none,
    and takes the place of a built-in step of the same name.

    Raises
    ------
    InputError
        Two custom steps share a name, or one follows a step that is not there.
    """
    services: list[BaseProcessingService] = [
        CopyingService(),
        SegmentationService(),
        CorrectionService(),
        TrackingService(),
        ExtractionService(),
    ]
    built_in = {service.name for service in services}
    seen: set[str] = set()
    for service in custom:
        _check_name(service, seen)
        seen.add(service.name)
        if service.name in built_in:
            services = [service if s.name == service.name else s for s in services]
        else:
            services.insert(_place(service, services, built_in), service)
    return services


def load_step(place: str) -> BaseProcessingService:
    """Make a custom step from where its class is: ``module:Class``.

    Modules in the current folder are found, too.

    Raises
    ------
    InputError
        There is no such class, or it is not a step.
    """
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    module = place.partition(":")[0]
    try:
        with runs_refused(f"Importing {module} starts a run: {HOW_TO_START_A_RUN}"):
            step = EntryPoint(place, place, "steps").load()()
    except (ImportError, AttributeError, TypeError) as error:
        raise InputError(
            f'The step "{place}" cannot be loaded ({error}): name it as module:Class.'
        ) from None
    except (Exception, SystemExit) as error:
        raise InputError(f'The step "{place}" cannot be loaded: {sentence_of(error)}') from None
    if not isinstance(step, BaseProcessingService):
        raise InputError(f'"{place}" is not a step: it must derive from BaseProcessingService.')
    return step


def check_not_importing(services: Sequence[BaseProcessingService]) -> None:
    """Raise InputError where a module with one of the steps starts the run while it is imported.

    Workers would have to import the module, and so start the run again.
    """
    for service in services:
        module = type(service).__module__
        packages = accumulate(module.split("."), lambda package, name: f"{package}.{name}")
        if starter := next(filter(_is_being_imported, packages), None):
            raise InputError(
                f'Workers that get the step "{service.name}" import {starter}, which starts this '
                f"run while it is imported: {HOW_TO_START_A_RUN}"
            )


def _is_being_imported(module: str) -> bool:
    # Python says so nowhere else; where it calls this otherwise, workers refuse the run instead.
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def _check_name(service: BaseProcessingService, seen: set[str]) -> None:
    if service.name in seen:
        raise InputError(
            f'Two custom steps are named "{service.name}": give each a name of its own.'
        )
    if service.name == BaseProcessingService.name:
        raise InputError(
            f"The step {type(service).__name__} has no name of its own: set its `name`."
        )


def _place(
    service: BaseProcessingService,
    services: Sequence[BaseProcessingService],
    built_in: Collection[str],
) -> int:
    if not service.after:
        return len(services)
    names = [s.name for s in services]
    if service.after not in names:
        raise InputError(
            f'The step "{service.name}" follows "{service.after}", which is not a step: '
            f"the steps are {', '.join(names)}."
        )
    place = names.index(service.after) + 1
    while place < len(services) and names[place] not in built_in:
        place += 1
    return place
