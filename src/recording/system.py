"""What a training run takes of its machine, under the names by which MLflow draws system metrics."""

import os
import resource
import sys
import time
from contextlib import suppress

MEGABYTE = 10**6
_last = (time.perf_counter(), time.process_time())


def system_metrics() -> dict[str, float]:
    """Return this process's use of processors since the last call (100 is one core), and of memory now.

    Of a GPU's memory what was taken at most since the last call: after an epoch little is left of it.
    """
    global _last
    now = time.perf_counter(), time.process_time()
    spent, _last = (now[0] - _last[0], now[1] - _last[1]), now
    used = {
        "system/cpu_utilization_percentage": 100 * spent[1] / max(spent[0], 1e-9),
        "system/system_memory_usage_megabytes": _memory() / MEGABYTE,
    }
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and tensorflow.config.get_visible_devices("GPU"):
        with suppress(ValueError, RuntimeError):
            taken = tensorflow.config.experimental.get_memory_info("GPU:0")["peak"]
            tensorflow.config.experimental.reset_memory_stats("GPU:0")
            used["system/gpu_0_memory_usage_megabytes"] = taken / MEGABYTE
    return used


def _memory() -> int:
    """Return the bytes of memory that this process has now, or at most had where that cannot be known."""
    with suppress(OSError), open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
