"""What a training run takes of its machine."""

import pytest
import tensorflow as tf

from src.recording.system import system_metrics


def test_of_a_gpu_the_most_since_the_last_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda _: [])
    assert "system/gpu_0_memory_usage_megabytes" not in system_metrics()
    peak = {"GPU:0": 230_000_000}
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind])
    monkeypatch.setattr(
        tf.config.experimental, "get_memory_info", lambda name: {"current": 6_000_000, "peak": peak[name]}
    )
    monkeypatch.setattr(tf.config.experimental, "reset_memory_stats", lambda name: peak.update({name: 6_000_000}))
    assert system_metrics()["system/gpu_0_memory_usage_megabytes"] == 230
    assert system_metrics()["system/gpu_0_memory_usage_megabytes"] == 6
