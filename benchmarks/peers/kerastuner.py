"""KerasTuner's Hyperband: a chief that draws, and two workers that train; `python -m benchmarks.peers.kerastuner`."""

import os
import socket
import subprocess
import sys

from benchmarks.peers import setting

WORKERS = 2


def search() -> None:
    """Take the part in the search that the environment names."""
    import keras_tuner  # pyright: ignore[reportMissingImports]

    from benchmarks.peers import network

    def build(hp):
        if setting.fixed():
            return network.build(
                setting.configurations(setting.seed())[hp.Choice("index", list(range(setting.TRIALS)))]
            )
        low, high = setting.RATES
        return network.build(
            {
                "optimizer": hp.Choice("optimizer", setting.OPTIMIZERS),
                "learning_rate": hp.Float("learning_rate", low, high, sampling="log"),
                "filters": hp.Choice("filters", setting.FILTERS),
                "depth": hp.Int("depth", setting.DEPTHS[0], setting.DEPTHS[-1]),
                "dropout": hp.Float("dropout", *setting.DROPOUTS),
                "batch_norm": hp.Boolean("batch_norm"),
            }
        )

    common = {"hypermodel": build, "objective": "val_accuracy", "directory": ".", "project_name": "peers"}
    if setting.fixed():
        tuner = keras_tuner.GridSearch(**common, max_trials=setting.TRIALS, seed=setting.seed())
    else:
        tuner = keras_tuner.Hyperband(
            **common, max_epochs=setting.EPOCHS, factor=3, hyperband_iterations=setting.MANY, seed=setting.seed()
        )
    x, y, x_val, y_val = network.load()
    more = {"epochs": setting.EPOCHS} if setting.fixed() else {}
    tuner.search(
        x, y, batch_size=setting.BATCH, validation_data=(x_val, y_val), verbose=0, callbacks=[network.Log()], **more
    )


def main() -> None:
    if "KERASTUNER_TUNER_ID" in os.environ:
        search()
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(port)}
    chief, *workers = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.kerastuner"], env={**environment, "KERASTUNER_TUNER_ID": name}
        )
        for name in ("chief", *(f"tuner{number}" for number in range(WORKERS)))
    ]
    status = max(abs(worker.wait()) for worker in workers)
    chief.kill()  # waits for ever for a worker that failed
    sys.exit(status)


if __name__ == "__main__":
    main()
