"""A final model's place in MLflow's registry: an older champion keeps its own unless the new one is really better."""

import json
from collections.abc import Mapping

from convsweep.intervals import unpaired_difference
from convsweep.study import value_names
from src.finalizing.job import Final, Job
from src.recording.environment import digest_of
from src.tracking import Registered, Store, crown, find_champion, register


def enter(job: Job, final: Final, card: str, store: Store, name: str, run_id: str) -> str:
    """Register the model, and let it be the champion if there is none, or it is better than that by more than noise."""
    objective = value_names(job.source)[0]
    values = list(final.choice.winner.values[0].values())
    tags = {
        "convsweep.study": job.source.study_name,
        "convsweep.trial": str(final.number),
        "convsweep.objective": objective,
        "convsweep.values": json.dumps(values),
        "convsweep.data": digest_of(final.data),
    }
    champion = find_champion(store, name)
    new = register(store, name, run_id, card, tags)
    shown = f"models:/{new.name}/{new.version}"
    if champion is None or champion.version == new.version:
        crown(store, new)
        return f"{shown}, the champion: models:/{new.name}@champion"
    if why := keeps_its_place(champion, tags, values, job.source.directions[0].name == "MAXIMIZE"):
        return f"{shown}; version {champion.version} stays the champion: {why}"
    crown(store, new)
    return f"{shown}, the champion in place of version {champion.version}: models:/{new.name}@champion"


def keeps_its_place(champion: Registered, tags: Mapping[str, str], values: list[float], maximize: bool) -> str | None:
    """Say why a champion is not replaced by a model with these tags and values; None if it is."""
    for key, what in (("convsweep.objective", "objective"), ("convsweep.data", "data, or data of another size or fit")):
        if champion.tags.get(key) != tags[key]:
            return f"it was judged by other {what}, so that they cannot be compared"
    theirs = json.loads(champion.tags.get("convsweep.values", "[]"))
    if not theirs:
        return "nothing is known of its values"
    sign = 1 if maximize else -1
    difference = unpaired_difference([sign * value for value in values], [sign * value for value in theirs])
    if difference.is_real() and difference.value > 0:
        return None
    return f"the new one is not better by more than noise ({difference.value:+.4f}, p {difference.p_value:.2g})"
