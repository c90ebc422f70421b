"""What it saves to take several steps before Python hears of them: `steps_per_execution`, in turn with single steps.

    python -m benchmarks.steps [rounds]

Processor seconds of an epoch, and of the first one in a new process's model, whose graph is traced; one thread an
operation, as in a study's workers. The losses of both ways are compared to the last bit. Costs some two minutes.
"""

import statistics
import sys
import time
from pathlib import Path

from hydra import compose, initialize_config_dir

from src.config import register, settings
from src.process import quiet_native_stderr

with quiet_native_stderr():
    import keras

    from src import dataset, model, training
    from src.training.batches import evaluation_batches, training_batches
    from src.training.traced import STEPS_PER_EXECUTION

ROOT = Path(__file__).parent.parent
FASHION = ["dataset=fashion_mnist", "dataset.limit=8000"]
CASES = {
    "digits, cnn, batches of 128": ["dataset=digits", "model=cnn"],
    "8,000 of Fashion-MNIST, cnn, batches of 128": [*FASHION, "model=cnn"],
    "8,000 of Fashion-MNIST, mlp, batches of 128": [*FASHION, "model=mlp"],
    "8,000 of Fashion-MNIST, mlp, batches of 32": [*FASHION, "model=mlp", "training.batch_size=32"],
}
WAYS = (1, STEPS_PER_EXECUTION)


def main(rounds: int = 5) -> None:
    register()
    print(f"| | steps | traced and first epoch, s: 1 / {WAYS[1]} at once | an epoch, s: 1 / {WAYS[1]} | equal |")
    print("| --- | ---: | ---: | ---: | --- |")
    for case, overrides in CASES.items():
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = settings(compose("config", overrides))
        data = dataset.load(config.dataset, 0)
        first: dict[int, list[float]] = {way: [] for way in WAYS}
        later: dict[int, list[float]] = {way: [] for way in WAYS}
        losses: dict[int, list[float]] = {way: [] for way in WAYS}
        for round_ in range(rounds + 1):  # the first is for what TensorFlow does once a process
            for way in WAYS:
                training.prepare("float32", 1)
                network = model.build(config.model, data.input_shape, len(data.class_names), 0, data.scale, data.offset)
                keras.utils.set_random_seed(0)
                network.compile("adam", "sparse_categorical_crossentropy", jit_compile=False, steps_per_execution=way)  # pyright: ignore
                network.optimizer.build(network.trainable_variables)
                for epochs, found in ((1, first), (4, later)):
                    started = time.process_time()
                    history = network.fit(
                        training_batches(data.train, config.training.batch_size, 0),
                        epochs=epochs,
                        validation_data=evaluation_batches(data.validation),
                        shuffle=False,
                        verbose=0,  # pyright: ignore
                    ).history
                    if round_:
                        found[way].append((time.process_time() - started) / epochs)
                    losses[way] += history["loss"] + history["val_loss"]
        steps = -(-len(data.train.images) // config.training.batch_size)
        one, other = (" / ".join(f"{statistics.median(found[way]):.3f}" for way in WAYS) for found in (first, later))
        print(f"| {case} | {steps} | {one} | {other} | {losses[1] == losses[WAYS[1]]} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
