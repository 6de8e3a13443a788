"""Movement between two runs: everybody is counted once."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadFrame
from engine.segment_facts import movement

members = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["loyal", "regular", "new"]))


def run(of):
    return pd.DataFrame({"customer_id": list(of), "segment": list(of.values())}, dtype="str")


@settings(deadline=None)
@given(members, members)
def test_the_counts_add_up_to_both_runs(before, after):
    moves = movement(run(before), run(after))
    pairs = {(before.get(who), after.get(who)) for who in before | after}
    assert moves["customers"].sum() == len(before | after)
    assert len(moves) == len(pairs)
    for side, of in (("from_segment", before), ("to_segment", after)):
        counted = moves.groupby(side)["customers"].sum().to_dict()
        assert counted == pd.Series(list(of.values()), dtype="str").value_counts().to_dict()


def test_a_run_without_segments_is_refused():
    with pytest.raises(BadFrame, match="segment"):
        movement(run({}), pd.DataFrame({"customer_id": []}))
