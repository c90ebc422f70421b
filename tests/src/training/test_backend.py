"""The settings of the backend."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import keras
import pytest
import tensorflow as tf

from src.training import backend, prepare
from src.training.backend import fastest_precision
from tests.helpers.command import ROOT


@pytest.mark.parametrize(
    ("vendor", "flags", "precision"),
    [
        ("GenuineIntel", "avx512f avx512_bf16 amx_bf16", "mixed_bfloat16"),
        ("GenuineIntel", "avx512f avx512_bf16", "float32"),
        ("AuthenticAMD", "avx512f avx512_bf16", "mixed_bfloat16"),
        ("AuthenticAMD", "avx2", "float32"),
    ],
)
def test_auto_is_what_the_processor_is_fast_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str, flags: str, precision: str
) -> None:
    (tmp_path / "cpuinfo").write_text(f"vendor_id\t: {vendor}\nflags\t\t: fpu {flags} sse\n")
    monkeypatch.setattr(backend, "CPU", tmp_path / "cpuinfo")
    assert fastest_precision.__wrapped__() == precision


def test_auto_asks_a_gpu_before_its_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text("vendor_id\t: GenuineIntel\nflags\t\t: fpu amx_bf16\n")
    monkeypatch.setattr(backend, "CPU", tmp_path / "cpuinfo")
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind])
    assert fastest_precision.__wrapped__() == "float32"


def test_no_command_takes_the_whole_memory_of_a_gpu() -> None:
    code = "import os, src; print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])"
    given = {name: value for name, value in os.environ.items() if name != "TF_FORCE_GPU_ALLOW_GROWTH"}
    for more, expected in (({}, "true"), ({"TF_FORCE_GPU_ALLOW_GROWTH": "false"}, "false")):
        done = subprocess.run([sys.executable, "-c", code], env=given | more, capture_output=True, text=True, cwd=ROOT)
        assert done.stdout.strip() == expected, done.stderr


def test_precision_is_set_after_the_session_is_cleared() -> None:
    prepare("mixed_bfloat16", None)
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    prepare("auto", None)
    assert keras.config.dtype_policy().name == fastest_precision()
    prepare("float32", None)
    assert keras.config.dtype_policy().name == "float32"


def test_many_graphs_are_no_reason_to_warn(caplog: pytest.LogCaptureFixture) -> None:
    prepare("float32", None)
    logger = logging.getLogger("tensorflow")
    with caplog.at_level("WARNING", logger="tensorflow"), mock.patch.object(logger, "propagate", True):
        logger.warning(
            "5 out of the last %d calls to %s triggered tf.function retracing. Tracing is expensive", 13, "f"
        )
        logger.warning("something else")
    assert caplog.messages == ["something else"]
