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
from src.training.backend import fastest_precision, uses_xla
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
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda _: [])
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


@pytest.mark.parametrize(
    ("given", "steps", "gpu", "repeats", "compiled"),
    [
        ("auto", 2_000, True, "", True),
        ("auto", 1_999, True, "", False),
        ("auto", 2_000, False, "", False),
        ("auto", 2_000, True, "1", False),
        (True, 1, False, "", True),
        (False, 9_999, True, "", False),
    ],
)
def test_xla_compiles_long_trainings_on_a_gpu_or_what_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch, given: bool | str, steps: int, gpu: bool, repeats: str, compiled: bool
) -> None:
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind] * gpu)
    monkeypatch.setattr(backend, "_xla_works", lambda: True)
    monkeypatch.setenv("TF_DETERMINISTIC_OPS", repeats)
    assert uses_xla(given, steps) == compiled


def test_xla_works_here() -> None:
    assert backend._xla_works.__wrapped__()


def test_where_xla_finds_no_files_of_cudas_training_goes_on_without_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise tf.errors.InternalError(None, None, "libdevice not found at ./libdevice.10.bc")

    monkeypatch.setattr(tf, "function", fails)
    assert not backend._xla_works.__wrapped__()
    assert "libdevice not found" in caplog.text
