"""The steps of the workflow, each a service that processes one FOV at a time.

What is offered here is loaded when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
