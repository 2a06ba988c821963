"""Choose the segmented channel and the measured ones by name."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QVBoxLayout, QWidget

from napari_pyama.layers import channel_name
from pyama_core.io import MicroscopyMetadata


class ChannelPicker(QWidget):
    """A drop-down for the segmented channel and a box for each measured one.

    Parameters
    ----------
    with_measured
        Whether the measured channels are asked for too.
    """

    changed = Signal(int, object)
    """The segmented channel and the tuple of measured ones."""

    def __init__(self, with_measured: bool = True) -> None:
        super().__init__()
        self.pc = QComboBox()
        self.pc.setToolTip("The channel in which cells are found, usually phase contrast.")
        self.boxes: list[QCheckBox] = []
        self._measured = QVBoxLayout()
        self._measured.setSpacing(2)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addRow("Segmented channel", self.pc)
        if with_measured:
            layout.addRow("Measured channels", self._measured)
        self._with_measured = with_measured
        self._fl: tuple[int, ...] = ()
        self.pc.activated.connect(self._on_chosen)

    def show_channels(self, metadata: MicroscopyMetadata, pc: int, fl: tuple[int, ...]) -> None:
        """Offer the channels of an experiment and show which are chosen."""
        names = [channel_name(metadata, c) for c in range(max(metadata.n_channels, 1))]
        if names != [self.pc.itemText(i) for i in range(self.pc.count())]:
            self._offer(names)
        self._fl = fl
        self.pc.setCurrentIndex(pc)
        for channel, box in enumerate(self.boxes):
            box.blockSignals(True)
            box.setChecked(channel in fl)
            box.blockSignals(False)

    def _offer(self, names: list[str]) -> None:
        self.pc.clear()
        self.pc.addItems(names)
        for box in self.boxes:
            self._measured.removeWidget(box)
            box.deleteLater()
        self.boxes = [QCheckBox(name) for name in names] if self._with_measured else []
        for box in self.boxes:
            box.setToolTip("Measure every cell's fluorescence in this channel.")
            box.toggled.connect(self._on_chosen)
            self._measured.addWidget(box)

    def _on_chosen(self) -> None:
        fl = tuple(c for c, box in enumerate(self.boxes) if box.isChecked())
        self.changed.emit(self.pc.currentIndex(), fl if self._with_measured else self._fl)
