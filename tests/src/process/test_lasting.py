"""No search for garbage in what is imported for good."""

import gc
from collections.abc import Iterator

import pytest

from src.process import lasting


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_garbage_is_looked_for_again_afterwards() -> None:
    before = gc.get_freeze_count()
    with lasting():
        assert not gc.isenabled()
        kept = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(kept)
    with pytest.raises(ImportError), lasting():
        raise ImportError
    assert gc.isenabled()


def test_who_looks_for_none_at_all_still_does_not() -> None:
    gc.disable()
    with lasting():
        pass
    assert not gc.isenabled()
