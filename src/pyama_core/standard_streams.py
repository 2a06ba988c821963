"""Standard streams that may be closed, cut off or full without ending the work they report on."""

import errno
import io
import os
import sys
from typing import Final

_STREAMS: Final = ("stdin", "stdout", "stderr")
"""In the order of their file descriptors."""


def ensure_standard_streams() -> None:
    """Open the null device for what was closed.

    Otherwise the next file that is opened would get the descriptor, and what a library or a child
    process prints would go there. A program without a console has no streams at all.
    """
    for number, name in enumerate(_STREAMS):
        _ensure_open(number)
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115


def steady_standard_streams() -> "SteadyStream | None":
    """Replace output and error by streams that outlive whoever reads them; return the output.

    They print names of any alphabet, also where the console has no letters for them. Streams that
    somebody put in the place of the standard ones stay.
    """
    ensure_standard_streams()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:
            steady = SteadyStream(stream)
            setattr(sys, name, steady)
            setattr(sys, f"__{name}__", steady)
    return sys.stdout if isinstance(sys.stdout, SteadyStream) else None


class SteadyStream(io.TextIOWrapper):
    """A text stream that drops what nobody takes any more.

    Attributes
    ----------
    error
        Why something was dropped that somebody waits for, such as a full disk; None where nothing
        was, or where the reader left, as ``head`` does.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self.error: OSError | None = None
        encoding, lines, through = stream.encoding, stream.line_buffering, stream.write_through
        super().__init__(
            stream.detach(),
            encoding,
            errors="backslashreplace",
            line_buffering=lines,
            write_through=through,
        )

    def write(self, text: str) -> int:
        """Write text."""
        try:
            return super().write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        """Have what was written leave this process."""
        try:
            super().flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        if error.errno not in (errno.EPIPE, errno.EINVAL):  # EINVAL: a closed pipe of Windows.
            self.error = self.error or error
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)


def _ensure_open(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)
