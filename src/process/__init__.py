"""How a process of the application starts: what it hands on to those elsewhere, and what it keeps quiet."""

from src.process.environment import for_workers
from src.process.lasting import lasting
from src.process.program import program
from src.process.quiet import quiet_native_stderr

__all__ = ["for_workers", "lasting", "program", "quiet_native_stderr"]
