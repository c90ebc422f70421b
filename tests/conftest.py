import logging
import os

import absl.logging

import src  # noqa: F401 - quietens TensorFlow before a test imports it

# One thread an operation, as in a sweep's workers, so that what runs inside a test gives the same numbers.
os.environ["TF_NUM_INTRAOP_THREADS"] = "1"

# TensorFlow's handler closes the standard error that it was made with, pytest's, when Hydra sets up logging anew.
absl.logging.PythonHandler.close = logging.StreamHandler.close
