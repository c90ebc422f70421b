import contextlib
import functools
import gc
import logging
import os
from pathlib import Path

import keras

from src.process import has_gpu

# What Linux says of processors on which mixed_bfloat16 was faster: 1.6 times with AMX; with AVX-512 alone 1.2 times on
# AMD's Zen 4, but 0.7 times on Intel's.
FAST_BFLOAT16 = [{"amx_bf16"}, {"avx512_bf16", "AuthenticAMD"}]


CPU = Path("/proc/cpuinfo")

# Steps after which XLA has brought back its compilation on an H200: some 1,300 of a small CNN, 750 of a ResNet, where
# all batches are of one size; those of another are compiled as well. See benchmarks/README.md.
XLA_STEPS = 2_000


def prepare(precision: str, threads: int | None) -> None:
    """Set the backend up for the next model: threads (once a process), precision, and a clean slate.

    Args:
        precision: A Keras dtype policy, or `auto` for what this processor, or a GPU, is fast at.
        threads: Threads that one operation may use, None for TensorFlow's choice (one a core).
    """
    _limit_threads(threads)
    _expect_traces()
    _forget_gradients()
    keras.utils.clear_session(free_memory=True)
    _freeze()
    # After clear_session, which resets the policy as well.
    keras.config.set_dtype_policy(fastest_precision() if precision == "auto" else precision)


@functools.cache
def fastest_precision() -> str:
    """Return mixed_bfloat16 where the processor is faster in it, as far as is known, else float32.

    So on a GPU, whatever its processor can do: it multiplies float32 as TF32, and small networks in half precision were
    no faster on an H100.
    """
    if has_gpu():
        return "float32"
    words = set(CPU.read_text().split()) if CPU.exists() else set()
    return "mixed_bfloat16" if any(needed <= words for needed in FAST_BFLOAT16) else "float32"


def uses_xla(jit_compile: bool | str, steps: int) -> bool:
    """Return whether XLA is to compile a training of so many steps.

    Args:
        jit_compile: True, False, or "auto": on a GPU alone, as it is slower on a processor, where the steps are worth
            the compilation, and the same numbers each time are not asked for, which it may not give.
        steps: Of the whole training.
    """
    if jit_compile != "auto":
        return bool(jit_compile)
    repeats = os.environ.get("TF_DETERMINISTIC_OPS", "").lower() in ("1", "true")
    return steps >= XLA_STEPS and not repeats and has_gpu() and _xla_works()


@functools.cache
def _xla_works() -> bool:
    """Try XLA: it looks for CUDA's files where not every installation has them."""
    import tensorflow as tf

    try:
        tf.function(tf.exp, jit_compile=True)(tf.ones([2]))
    except tf.errors.OpError as error:
        logging.getLogger(__name__).warning("XLA does not work here, training goes on without it: %s", error)
        return False
    return True


@functools.cache
def _freeze() -> None:
    """Let what was imported be: each later collection of garbage would look at it again, for a quarter of a second."""
    gc.freeze()


@functools.cache
def _expect_traces() -> None:
    """Keep TensorFlow from warning of many graphs: each structure of a model has its own, which is meant."""
    logging.getLogger("tensorflow").addFilter(lambda record: "tf.function retracing" not in record.getMessage())


def _forget_gradients() -> None:
    """Let go of the models before this one.

    TensorFlow registers the gradient of each operation that brings its own (Keras's crossentropy is one) under
    a new name with each tracing, for ever, and with it the whole graph: some 12 MB a model.
    """
    if keras.backend.backend() == "tensorflow":
        from tensorflow.python.framework.ops import gradient_registry

        known = gradient_registry._registry
        for name in [name for name in known if name.startswith("CustomGradient-")]:
            del known[name]


@functools.cache
def _limit_threads(threads: int | None) -> None:
    if threads is not None and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # A process that computed before, a notebook's for one, keeps the threads that it has.
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(threads)
