# What the package offers, and where it lives.
from .pipeline import run_complete_workflow
from .services.types import Channels, ProcessingContext, ensure_context

__all__ = ["Channels", "ProcessingContext", "ensure_context", "run_complete_workflow"]
