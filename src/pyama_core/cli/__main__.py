"""``python -m pyama_core.cli`` is ``pyama``."""

from pyama_core.cli import main

main()
