"""What must not be touched: a folder beside the results, devices, and how it is seen whether."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

_AUDITED: Final = {
    "open": (0,),
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.mkdir": (0,),
    "os.rmdir": (0,),
    "os.truncate": (0,),
    "os.utime": (0,),
    "os.chmod": (0,),
    "os.link": (0, 1),
    "os.symlink": (1,),
}
_FOLLOWING: Final = frozenset({"open", "os.truncate", "os.utime", "os.chmod"})
"""What reaches through a link to the file that it names."""
_DEVICES: Final = ("/dev/zero", "/dev/random", "/dev/urandom", "/dev/full", "/dev/stdin")


def watching(outside: Path, log: Path, task: Callable[[], int]) -> Callable[[], int]:
    """Return a task that writes down whatever another one touches outside."""

    def watched() -> int:
        guarded = (f"{outside}{os.sep}", *_DEVICES)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            for i in _AUDITED.get(event, ()):
                real = _real(arguments[i], event in _FOLLOWING)
                if real.startswith(guarded):
                    os.write(descriptor, f"{event} {real}\n".encode())

        sys.addaudithook(hook)
        return task()

    return watched


def contents(folder: Path) -> dict[str, Any]:
    """Return what a folder holds, to be compared."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else path.is_dir()
        for path in sorted(folder.rglob("*"))
    }


def _real(path: Any, follows: bool) -> str:
    """Return where a path leads; empty where it is none."""
    try:
        text = os.fsdecode(path)
        if follows:
            return os.path.realpath(text)
        folder, name = os.path.split(text.rstrip(os.sep))
        return f"{os.path.realpath(folder)}{os.sep}{name}"
    except (TypeError, ValueError, OSError):
        return ""
