"""Kept examples: the same weeks are not described again, and whatever changed makes them anew."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.dataset import Dataset
from engine.examples import PastWeek, Sample, parts_of
from engine.hybrid import Hybrid
from engine.kept import KeptExamples
from tests.benchmarks.shop import AS_OF, catalogue, purchases

WEEK = pd.Timedelta(days=7)
GOODS = catalogue(300)


@pytest.fixture(scope="module")
def bought():
    """A year of a shop of 600 customers."""
    return purchases(600, 300, 20_000)


def data(bought, as_of=AS_OF, goods=GOODS):
    return Dataset.from_frames(bought, goods, as_of=as_of)


def key(known, weeks_back=1, misses=0.5):
    return PastWeek(known, weeks_back, Sample(parts_of(known.customer_ids, 10, 0), 2_000, misses, 0)).key()


def files(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.examples")}


@pytest.mark.slow
def test_a_week_later_only_the_newest_week_is_described_anew(bought, tmp_path):
    first, second = KeptExamples(tmp_path), KeptExamples(tmp_path)
    Hybrid(weeks=3).fit(data(bought, AS_OF - WEEK), first)
    before = files(tmp_path)
    Hybrid(weeks=3).fit(data(bought), second)
    after = files(tmp_path)
    assert len(before) == 3
    assert len(after) == 4
    assert after.items() >= before.items()
    second.tidy()
    assert len(files(tmp_path)) == 3


@pytest.mark.slow
def test_the_same_data_again_gives_the_same_picks_from_kept_examples(bought, tmp_path):
    rows = np.arange(50)
    whole = Hybrid(weeks=3).fit(data(bought)).candidates(rows)
    Hybrid(weeks=3).fit(data(bought), KeptExamples(tmp_path))
    again = Hybrid(weeks=3).fit(data(bought), KeptExamples(tmp_path)).candidates(rows)
    np.testing.assert_array_equal(whole.score, again.score)
    np.testing.assert_array_equal(whole.discovery, again.discovery)


def test_customers_are_numbered_anew_when_others_came(bought, tmp_path):
    rest = bought[(bought["customer_id"] % 7 > 0) | (bought["at"] >= AS_OF - WEEK)]
    known, later = data(rest, AS_OF - WEEK), data(rest)
    assert len(later.customer_ids) > len(known.customer_ids)
    sample = [Sample(parts_of(each.customer_ids, 10, 0), 2_000, 1.0, 0) for each in (known, later)]
    old, now = PastWeek(known, 0, sample[0]), PastWeek(later, 1, sample[1])
    assert old.key() == now.key()
    made = KeptExamples(tmp_path).of(old, known.customer_ids, lambda: old.examples(None))
    read = KeptExamples(tmp_path).of(now, later.customer_ids, lambda: pytest.fail("described again"))
    assert (later.customer_ids[read.customer] == known.customer_ids[made.customer]).all()
    assert set(read.week) == {1}
    assert read.hit.sum() == made.hit.sum() > 0


def test_whatever_could_matter_changes_the_key(bought):
    known = data(bought)
    moved = GOODS.assign(brand=["Another", *GOODS["brand"][1:]])
    offers = pd.DataFrame({"product_id": [1], "kind": "mailer", "starts_at": AS_OF, "ends_at": AS_OF + WEEK})
    others = [
        key(known, weeks_back=2),
        key(known, misses=1.0),
        key(data(bought[1:])),
        key(data(bought[bought["customer_id"] != bought["customer_id"][0]])),
        key(data(bought, goods=moved)),
        key(replace(known, offers=offers.assign(announced_at=AS_OF - 9 * WEEK))),
    ]
    assert len({key(known), *others}) == 7
    assert key(known) == key(data(bought.sample(frac=1, random_state=0)))


def test_a_fit_some_minutes_later_looks_back_at_the_same_weeks(bought):
    assert key(data(bought, AS_OF + pd.Timedelta(minutes=59))) == key(data(bought))
    assert key(data(bought, AS_OF + pd.Timedelta(days=1))) != key(data(bought))


@pytest.mark.slow
def test_what_a_later_moment_kept_is_not_used_by_an_earlier_one(bought, tmp_path):
    rows = np.arange(50)
    alone = Hybrid(weeks=3).fit(data(bought, AS_OF - WEEK)).candidates(rows)
    Hybrid(weeks=3).fit(data(bought), KeptExamples(tmp_path))
    after = Hybrid(weeks=3).fit(data(bought, AS_OF - WEEK), KeptExamples(tmp_path)).candidates(rows)
    np.testing.assert_array_equal(alone.score, after.score)


def test_a_damaged_file_is_made_again(bought, tmp_path):
    known = data(bought)
    week = PastWeek(known, 0, Sample(parts_of(known.customer_ids, 10, 0), 2_000, 1.0, 0))
    made = KeptExamples(tmp_path).of(week, known.customer_ids, lambda: week.examples(None))
    (path,) = tmp_path.glob("*.examples")
    path.write_bytes(path.read_bytes()[:-9])
    again = KeptExamples(tmp_path).of(week, known.customer_ids, lambda: made)
    np.testing.assert_array_equal(made.features, again.features)
