"""What a look at a study in PostgreSQL costs while many of its trials wait: Optuna's own RDBStorage, and ours.

python -m benchmarks.look [trials]
"""

import os
import statistics
import sys
import time

import optuna
from optuna.storages import RDBStorage, get_storage
from optuna.trial import TrialState, create_trial

from convsweep.storage.database import Database
from tests.helpers.postgresql import running


def main(count: int = 1000) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with running() as server:
        os.environ.update(server.env)
        address = server.create("look")
        study = optuna.create_study(storage=address, study_name="look")
        study.add_trials([create_trial(value=1.0), *(create_trial(state=TrialState.WAITING) for _ in range(count))])
        for kind in (RDBStorage, Database):
            seen = optuna.load_study(storage=get_storage(kind(address)), study_name="look")
            seconds = []
            for _ in range(12):
                started = time.perf_counter()
                seen.get_trials(deepcopy=False)
                seconds.append(time.perf_counter() - started)
            print(f"{kind.__name__}: {1e3 * statistics.median(seconds[2:]):.1f} ms with {count} waiting trials")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
