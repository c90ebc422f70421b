"""Composing a trial's config from what is kept gives what Hydra gives, and says what Hydra says."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from convsweep.space.compose import Composer

FILES = {
    "config.yaml": """
        defaults:
          - db: mysql
          - db@other: postgres
          - optional extra: null
          - _self_
        x: 1.0
        name: ${db.kind}-${x}
        now: ${now:%f}
        folder: ${hydra.job.override_dirname}
        deep: {a: {b: 1, c: [1, 2]}, d: "???"}
        hydra:
          searchpath: [file://SECOND]
          job: {config: {override_dirname: {exclude_keys: [x]}}}
    """,
    "db/mysql.yaml": "kind: mysql\nport: 1",
    "db/postgres.yaml": "defaults: [engine: fast]\nkind: postgres\nport: 2",
    "db/engine/fast.yaml": "speed: 9",
    "db/engine/safe.yaml": "speed: 1\nport: 7",
    "whole/loud.yaml": "# @package _global_\nx: 5\nhydra: {verbose: true}",
    "second/extra/more.yaml": "more: ${x}",
}

OVERRIDES = [
    [],
    ["x=2"],
    ["x=null", "deep.a.b='a b,c=d'"],
    ["deep.a.c=[3]", "deep.d={e:1}", "deep.a.c=[]"],
    ["db=postgres"],
    ["db={port:3}", "db.port=4"],
    ["x=1", "db=postgres", "db.port=3", "db/engine=safe", "x=4"],
    ["db@other=mysql", "other.port=8"],
    ["+db@third.one=postgres", "third.one.kind=mine"],
    ["extra=more", "extra.more=1"],
    ["+whole=loud"],
    ["db=typed", "db.port=3"],
    ["+new=1", "+deep.e.f=2"],
    ["++x=3", "++new.a=3"],
    ["~x"],
    ["~deep.a", "+deep.a=7"],
    ["~db", "+db.port=3"],
    ["~db@other"],
    ["x=${db.port}", "name=${hydra:job.num}", "deep.d=${oc.env:HOME}"],
    ["hydra.job.num=3", "hydra.verbose=true", "x=3"],
    ["hydra/job_logging=none"],
]

REFUSED = [["y=1"], ["+x=1"], ["~y"], ["db=oracle"], ["x=1,2"], ["++db=mysql"], ["+third=["]]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    @dataclass
    class Typed:  # as in a worker, where plugins' classes are made anew: no import finds it
        port: int = 1

    ConfigStore.instance().store(group="db", name="typed", node=Typed)
    folder = tmp_path_factory.mktemp("conf")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("SECOND", str(folder / "second")))
    with initialize_config_dir(str(folder), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        config = hydra.config_loader.load_configuration("config", ["hydra.sweep.dir=sweeps"], RunMode.MULTIRUN)
        assert config.now  # resolved once: all trials are to have the same
        yield hydra.config_loader, config, Composer(hydra.config_loader, config)


def whole(config: DictConfig) -> tuple:
    """Return all that a config is: values, types, what is missing, what may be changed."""

    def flags(node: DictConfig) -> list:
        nested = [flags(child) for _, child in node.items_ex(resolve=False) if isinstance(child, DictConfig) and child]
        return [node._metadata.flags, node._metadata.ref_type, node._metadata.object_type, nested]

    return OmegaConf.to_yaml(config), flags(config), OmegaConf.get_cache(config), config.hydra.runtime.choices


@pytest.mark.parametrize("overrides", OVERRIDES, ids=" ".join)
def test_a_composed_config_is_hydras_own(sweep: tuple, overrides: list[str]) -> None:
    loader, config, composer = sweep
    expected = loader.load_sweep_config(config, overrides)
    composer(overrides)["x" if "x" in expected else "name"] = 99  # the next one knows nothing of it
    unusual = any("hydra/" in override or "hydra." in override for override in overrides)
    with mock.patch.object(loader, "load_sweep_config", wraps=loader.load_sweep_config) as composed:
        assert whole(composer(overrides)) == whole(expected)
    assert composed.called == unusual


@pytest.mark.parametrize("overrides", REFUSED, ids=" ".join)
def test_what_hydra_refuses_is_refused_in_its_words(sweep: tuple, overrides: list[str]) -> None:
    loader, config, composer = sweep
    with pytest.raises(HydraException) as expected:
        loader.load_sweep_config(config, overrides)
    with pytest.raises(HydraException) as refused:
        composer(overrides)
    assert str(refused.value) == str(expected.value)


def test_files_are_read_once_for_each_combination_of_choices(sweep: tuple, tmp_path: Path) -> None:
    loader, config, _ = sweep
    composer = Composer(loader, config)
    with mock.patch.object(loader, "load_sweep_config", wraps=loader.load_sweep_config) as composed:
        for port in range(5):
            assert composer(["db=postgres", f"db.port={port}"]).db.port == port
            assert composer([f"db.port={port}", "db/engine=fast", "db=postgres"]).db.port == port
    assert composed.call_count == 2
