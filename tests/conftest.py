import logging
import os
from collections.abc import Iterator

import absl.logging
import pytest

import src  # noqa: F401 - quietens TensorFlow before a test imports it
from tests.helpers import command

# One thread an operation, as in a sweep's workers, so that what runs inside a test gives the same numbers.
os.environ["TF_NUM_INTRAOP_THREADS"] = "1"

# TensorFlow's handler closes the standard error that it was made with, pytest's, when Hydra sets up logging anew.
absl.logging.PythonHandler.close = logging.StreamHandler.close


@pytest.fixture(autouse=True)
def ends_what_it_starts() -> Iterator[None]:
    """Leave no process behind, also where a test fails or takes too long."""
    with command.ending():
        yield
