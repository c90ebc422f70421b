"""Fixtures of the engine's tests."""

from tests.helpers.crowd import storage
from tests.helpers.postgresql import server

__all__ = ["server", "storage"]
