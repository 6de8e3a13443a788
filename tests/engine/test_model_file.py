"""A model's file: read back bit by bit where it lies; damage of any byte is told."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import model_file
from engine.errors import BadModel


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A saved model of two arrays and a word, and its path."""
    model = {"words": "weekly", "table": np.arange(1000, dtype=np.float32).reshape(50, 20), "few": np.array([1, 2])}
    path = tmp_path_factory.mktemp("model") / "shop.model"
    return model, path, model_file.save(model, path)


def test_a_model_is_read_back_bit_by_bit_and_its_arrays_stay_in_the_file(saved):
    model, path, checksum = saved
    read = model_file.load(path)
    assert read["words"] == "weekly"
    for name in ("table", "few"):
        assert np.array_equal(read[name], model[name])
        assert not read[name].flags.owndata
        assert not read[name].flags.writeable
        assert read[name].ctypes.data % model_file.ALIGNED == 0
    assert model_file.checksum(path) == checksum
    assert not list(path.parent.glob("*.tmp"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(place=st.integers(0, 10_000), keep=st.booleans())
def test_a_changed_byte_or_a_lost_end_is_refused(saved, tmp_path, place, keep):
    _, path, _ = saved
    raw = bytearray(path.read_bytes())
    place %= len(raw)
    if keep:
        raw[place] ^= 1
    else:
        del raw[place:]
    damaged = tmp_path / "damaged.model"
    damaged.write_bytes(raw)
    with pytest.raises(BadModel, match="run `handpicked train` again"):
        model_file.load(damaged)
