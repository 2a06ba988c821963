"""Which widget edits a parameter, and how a value goes into it and comes out again."""

import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin

import yaml
from magicgui.widgets import CheckBox, ComboBox, LineEdit
from magicgui.widgets.bases import ValueWidget
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QListWidget, QListWidgetItem, QWidget

from napari_pyama.widgets.numbers import NumberBox, WholeNumberBox
from pyama_core.processing.extraction.features import feature_names
from pyama_core.processing.extraction.params import ExtractionParams
from pyama_core.processing.segmentation import SegmentationParams
from pyama_core.processing.segmentation import method_names as segmentation_methods
from pyama_core.processing.tracking import TrackingParams
from pyama_core.processing.tracking import method_names as tracking_methods


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as its section defines it."""

    name: str
    kind: Any
    """Its type, without None."""
    optional: bool
    """None is allowed: the value is then found from the data."""
    default: Any
    help: str
    unit: str
    lower: float | None
    upper: float | None
    step: float | None
    auto: str
    choices: tuple[Any, ...]
    when: Mapping[str, tuple[Any, ...]]
    """Values of other parameters for which it matters; always where empty."""

    def matters(self, section: BaseModel) -> bool:
        """Whether it has a part in what a section asks for."""
        return all(getattr(section, name) in values for name, values in self.when.items())

    @property
    def has_automatic(self) -> bool:
        """Whether the value can be left to the data; text that may be absent is left empty."""
        return self.optional and self.kind is not str

    @property
    def label(self) -> str:
        """Name and unit as a form shows them; what is named by its unit needs no other."""
        words = self.name.replace("_", " ").capitalize()
        named = {word.removesuffix("s") for word in words.lower().split()}
        is_told = not self.unit or self.unit.removesuffix("s") in named
        return words if is_told else f"{words} ({self.unit})"


def parameters_of(section: type[BaseModel]) -> Iterator[Parameter]:
    """Give the parameters of a section in the order of their definition."""
    for name, field in section.model_fields.items():
        yield _parameter(name, field, _installed_choices(section, name))


@cache
def _installed_choices(section: type[BaseModel], name: str) -> tuple[str, ...]:
    """Return what is offered under a name here, by this project and by installed packages."""
    offers = {
        (SegmentationParams, "method"): segmentation_methods,
        (TrackingParams, "method"): tracking_methods,
        (ExtractionParams, "features"): feature_names,
    }
    offer = offers.get((section, name))
    return tuple(offer()) if offer else ()


def _parameter(name: str, field: FieldInfo, installed: tuple[str, ...]) -> Parameter:
    kind, optional = _without_none(field.annotation)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    step: Any = extra.get("step")
    when: Any = extra.get("when") or {}
    return Parameter(
        name=name,
        kind=kind,
        optional=optional,
        default=field.get_default(call_default_factory=True),
        help=field.description or "",
        unit=str(extra.get("unit") or ""),
        lower=_limit(field, "ge"),
        upper=_limit(field, "le"),
        step=step,
        auto=str(extra.get("auto") or ""),
        when=when,
        choices=get_args(kind) if get_origin(kind) is Literal else installed,
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    kinds = [kind for kind in get_args(annotation) if kind is not types.NoneType]
    optional = len(kinds) < len(get_args(annotation))
    return Union[tuple(kinds)], optional  # noqa: UP007


def _limit(field: FieldInfo, name: str) -> float | None:
    limits = (getattr(constraint, name, None) for constraint in field.metadata)
    return next((limit for limit in limits if limit is not None), None)


class CheckList(QListWidget):
    """A list of names with a box each.

    Parameters
    ----------
    names
        What may be chosen.
    """

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        for name in names:
            self._add(name)
        self.setMaximumHeight(130)
        bar = self.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(self.sizeHintForColumn(0) + bar + 2 * self.frameWidth())
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def check(self, names: Sequence[str]) -> None:
        """Check these names and no others; unknown ones are added."""
        for name in set(names) - {item.text() for item in self._items()}:
            self._add(name)
        for item in self._items():
            on = item.text() in names
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    def checked(self) -> tuple[str, ...]:
        """Return the checked names in the list's order."""
        on = (item for item in self._items() if item.checkState() == Qt.CheckState.Checked)
        return tuple(item.text() for item in on)

    def _items(self) -> list[QListWidgetItem]:
        return [self.item(row) for row in range(self.count())]

    def _add(self, name: str) -> None:
        item = QListWidgetItem(name, self)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Unchecked)


_UNLIMITED: Final = 1e12
"""Stands for a limit where a parameter has none."""
_INT_TAG: Final = "tag:yaml.org,2002:int"


@dataclass(frozen=True, slots=True)
class Editor:
    """A widget and the way between a parameter's value and what the widget holds."""

    native: QWidget
    on_changed: Callable[[Callable[..., None]], Any]
    """Connects a callback to the widget's signal."""
    show: Callable[[Any], None]
    read: Callable[[], Any]


def editor_for(parameter: Parameter) -> Editor:
    """Make the editor that fits a parameter's type, with its limits, step and tooltip."""
    editor = _editor(parameter)
    editor.native.setToolTip(parameter.help)
    if isinstance(editor.native, QComboBox):
        editor.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    if isinstance(editor.native, QAbstractSpinBox | QComboBox):
        editor.native.installEventFilter(_WheelScrollsForm(editor.native))
    return editor


def _editor(parameter: Parameter) -> Editor:
    if get_origin(parameter.kind) is tuple and parameter.choices:
        return _several(CheckList(parameter.choices))
    if parameter.choices:
        return _plain(ComboBox(choices=parameter.choices, value=parameter.choices[0]))
    if parameter.kind is bool:
        return _plain(CheckBox(value=False))
    if parameter.kind in (int, float):
        return _number_editor(parameter)
    if parameter.kind is str:
        return _text_editor(parameter)
    return _yaml_editor()


def _plain(widget: ValueWidget[Any]) -> Editor:
    def show(value: Any) -> None:
        widget.value = value

    return _of_widget(widget, show, widget.get_value)


def _text_editor(parameter: Parameter) -> Editor:
    """Edit text; where there may be none, an empty line is none."""
    widget = LineEdit()

    def show(value: str | None) -> None:
        widget.value = value or ""

    def read() -> str | None:
        return None if parameter.optional and not widget.value else widget.value

    return _of_widget(widget, show, read)


def _of_widget(
    widget: ValueWidget[Any], show: Callable[[Any], None], read: Callable[[], Any]
) -> Editor:
    return Editor(widget.native, widget.changed.connect, show, read)


def _several(widget: CheckList) -> Editor:
    return Editor(widget, widget.itemChanged.connect, widget.check, widget.checked)


def _number_editor(parameter: Parameter) -> Editor:
    kind = WholeNumberBox if parameter.kind is int else NumberBox
    lower = -_UNLIMITED if parameter.lower is None else parameter.lower
    upper = _UNLIMITED if parameter.upper is None else parameter.upper
    box = kind(*map(parameter.kind, (lower, upper, parameter.step or 1)))
    return Editor(box, box.valueChanged.connect, box.setValue, box.value)


def _yaml_editor() -> Editor:
    """Edit anything else as a line of YAML: ``{1: max, GFP: 3}``, ``[area, perimeter]``."""
    widget = LineEdit()

    def show(value: Any) -> None:
        text: str = yaml.safe_dump(_plain_data(value), default_flow_style=True, width=10_000)
        widget.value = text.removesuffix("...\n").strip()

    def read() -> Any:
        return yaml.load(widget.value, Loader=_PlainNumbers)

    return _of_widget(widget, show, read)


def _plain_data(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain_data(item) for item in value]
    return value


class _PlainNumbers(yaml.SafeLoader):
    """YAML as people mean it: ``010`` is no number of base 8, ``1:30`` none of base 60."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _INT_TAG]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_PlainNumbers.add_implicit_resolver(
    _INT_TAG, re.compile(r"[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789")
)


class _WheelScrollsForm(QObject):
    """Keeps the mouse wheel from changing a value that the user only scrolls past."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Leave wheel events over a widget without focus to the form."""
        wheel = event is not None and event.type() == QEvent.Type.Wheel
        if wheel and not watched.hasFocus():  # type: ignore[union-attr]
            event.ignore()  # type: ignore[union-attr]
            return True
        return False
