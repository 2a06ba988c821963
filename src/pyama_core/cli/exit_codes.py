"""What the program's exit code says."""

from typing import Final

EXIT_OK: Final = 0


EXIT_FAILED: Final = 1


EXIT_USAGE: Final = 2


EXIT_INTERRUPTED: Final = 130
