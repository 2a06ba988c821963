"""``python -m pyama_core.cli`` is ``pyama``."""

from pyama_core.cli import main

if __name__ == "__main__":
    main()
