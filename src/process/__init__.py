"""How a process of the application starts: what it hands on, what it keeps quiet, and whether it has a GPU."""

from src.process.environment import for_workers
from src.process.gpu import has_gpu
from src.process.lasting import lasting
from src.process.program import as_typed, program
from src.process.quiet import quiet_native_stderr

__all__ = ["as_typed", "for_workers", "has_gpu", "lasting", "program", "quiet_native_stderr"]
