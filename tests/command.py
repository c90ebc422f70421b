"""The old name of tests.helpers.command."""

from tests.helpers.command import *  # noqa: F403
