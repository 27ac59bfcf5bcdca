"""Group commit: every command of a node to the store, batched; the heart of its speed."""

from actors.pipeline.limits import PipeCounts, PipeLimits
from actors.pipeline.pipeline import Argument, Pipeline, PipeStatus
from actors.pipeline.request import Request
from actors.pipeline.scripts import Script, load_scripts

__all__ = ["Argument", "PipeCounts", "PipeLimits", "PipeStatus", "Pipeline", "Request", "Script", "load_scripts"]
