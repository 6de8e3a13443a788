"""The dataset: what was known strictly before one moment, and nothing that can't be learnt from."""

import numpy as np
import pandas as pd
import pytest

from engine.dataset import Dataset
from engine.errors import BadFrame, NothingToLearn

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")
MOMENT = pd.Timedelta(microseconds=1)


def purchases(*lines, **columns):
    """Lines of (customer, product, time before the cut-off)."""
    frame = pd.DataFrame(lines, columns=["customer_id", "product_id", "before"])
    frame = frame.assign(at=AS_OF - pd.to_timedelta(frame["before"]), order_id="o", quantity=1.0, price_minor=100.0)
    return frame.assign(**columns)


def products(*ids, **columns):
    frame = pd.DataFrame({"product_id": ids, "title": "Thing", "category_path": "Food", "brand": "Mill", "size": ""})
    return frame.assign(available=True, recommendable=True).assign(**columns)


def offer(announced):
    return pd.DataFrame(
        {
            "product_id": ["p"],
            "kind": ["mailer"],
            "starts_at": [AS_OF - pd.Timedelta(days=3)],
            "ends_at": [AS_OF + pd.Timedelta(days=3)],
            "announced_at": [announced],
        }
    )


def test_a_purchase_at_the_cut_off_is_not_known_and_one_just_before_is():
    lines = purchases(("a", "p", MOMENT), ("b", "p", MOMENT * 0), ("c", "p", -MOMENT))
    data = Dataset.from_frames(lines, products("p"), as_of=AS_OF)
    assert data.customer_ids.tolist() == ["a"]
    assert (data.age_days > 0).all()


def test_the_same_moment_in_another_zone_cuts_the_same():
    lines = purchases(("a", "p", "1h"), ("b", "p", "-1h"))
    elsewhere = lines.assign(at=lines["at"].dt.tz_convert("Asia/Tokyo"))
    data = Dataset.from_frames(elsewhere, products("p"), as_of=AS_OF.tz_convert("America/New_York"))
    assert data.customer_ids.tolist() == ["a"]
    assert data.age_days.tolist() == pytest.approx([1 / 24])


def test_times_of_no_zone_are_taken_only_with_a_cut_off_of_none():
    lines = purchases(("a", "p", "1h"))
    local = lines.assign(at=lines["at"].dt.tz_localize(None))
    assert Dataset.from_frames(local, products("p"), as_of=AS_OF.tz_localize(None)).shape == (1, 1)
    with pytest.raises(BadFrame, match="'at' can't be compared"):
        Dataset.from_frames(local, products("p"), as_of=AS_OF)
    with pytest.raises(BadFrame, match="'at' can't be compared"):
        Dataset.from_frames(lines.assign(at=lines["at"].astype(str)), products("p"), as_of=AS_OF)


def test_only_products_said_to_be_recommendable_are_in_it_each_once():
    lines = purchases(("a", "p", "1D"), ("a", "q", "1D"), ("a", "r", "1D"), ("a", "unlisted", "1D"))
    listed = products("p", "p", "q", "r", recommendable=[True, False, None, False], title=["first", "second", "", ""])
    data = Dataset.from_frames(lines, listed, as_of=AS_OF)
    assert data.catalog["title"].to_dict() == {"p": "first"}


def test_missing_words_of_the_catalogue_are_blank_also_where_all_are_missing():
    listed = products("p", "q", brand=[None, "Mill"], category_path=np.nan)
    data = Dataset.from_frames(purchases(("a", "p", "1D"), ("a", "q", "1D")), listed, as_of=AS_OF)
    assert data.catalog["brand"].tolist() == ["", "Mill"]
    assert data.catalog["category_path"].tolist() == ["", ""]


@pytest.mark.parametrize("quantity", [[1, 0], [1.0, np.nan], [1, None], ["1", "many"], [1, -2]])
def test_what_was_not_bought_is_not_in_it(quantity):
    lines = purchases(("a", "p", "1D"), ("b", "p", "1D"), quantity=quantity)
    data = Dataset.from_frames(lines, products("p"), as_of=AS_OF)
    assert data.customer_ids.tolist() == ["a"]
    assert data.customer.tolist() == [0]


@pytest.mark.parametrize("column", ["customer_id", "order_id"])
def test_a_line_of_nobody_is_refused_by_its_column(column):
    lines = purchases(("a", "p", "1D"), ("b", "p", "1D"))
    lines[column] = lines[column].where([True, False])
    with pytest.raises(BadFrame, match=f"{column}.*missing values; clean the frames"):
        Dataset.from_frames(lines, products("p"), as_of=AS_OF)


@pytest.mark.parametrize("ids", [[2, 10], ["2", "10"], [2, "b"]])
def test_ids_of_any_type_are_kept_as_they_are(ids):
    data = Dataset.from_frames(purchases(*((who, "p", "1D") for who in ids)), products("p"), as_of=AS_OF)
    assert set(data.customer_ids) == set(ids)
    assert len(data.customer) == 2


def test_empty_frames_and_frames_of_later_purchases_have_nothing_to_learn():
    for lines in (purchases(), purchases(("a", "p", "-1D")), purchases(("a", "unlisted", "1D"))):
        with pytest.raises(NothingToLearn, match="sync orders"):
            Dataset.from_frames(lines, products("p"), as_of=AS_OF)
    with pytest.raises(NothingToLearn):
        Dataset.from_frames(purchases(("a", "p", "1D")), products("p").head(0), as_of=AS_OF)


@pytest.mark.parametrize(("frame", "column"), [(0, "price_minor"), (1, "brand"), (3, "ends_at")])
def test_a_missing_column_is_refused_by_name(frame, column):
    frames = [purchases(("a", "p", "1D")), products("p"), None, offer(AS_OF)]
    frames[frame] = frames[frame].drop(columns=column)
    with pytest.raises(BadFrame, match=column):
        Dataset.from_frames(*frames, as_of=AS_OF)


def test_an_offer_is_known_from_its_announcement_on():
    lines = purchases(("a", "p", "20D"))
    known = Dataset.from_frames(lines, products("p"), None, offer(AS_OF - MOMENT), as_of=AS_OF)
    assert known.on_offer.tolist() == [True]
    assert not known.before(1).on_offer.any()
    assert not known.without_offers().on_offer.any()
    assert not Dataset.from_frames(lines, products("p"), None, offer(AS_OF), as_of=AS_OF).on_offer.any()


def test_an_earlier_view_has_the_same_ids_and_only_older_lines():
    data = Dataset.from_frames(purchases(("a", "p", "8D"), ("b", "q", "7D")), products("p", "q"), as_of=AS_OF)
    earlier = data.before(7)
    assert earlier.as_of == AS_OF - pd.Timedelta(days=7)
    assert earlier.shape == data.shape
    # The other one is at the earlier cut-off.
    assert (earlier.customer.tolist(), earlier.product.tolist()) == ([0], [0])
    assert earlier.age_days.tolist() == [1]


def test_a_view_of_some_customers_has_the_same_ids_and_only_their_lines():
    data = Dataset.from_frames(purchases(("a", "p", "8D"), ("b", "q", "7D")), products("p", "q"), as_of=AS_OF)
    some = data.only(np.array([1]))
    assert some.shape == data.shape
    assert (some.customer.tolist(), some.product.tolist(), some.age_days.tolist()) == ([1], [1], [7])


def test_a_line_halves_with_every_half_life():
    data = Dataset.from_frames(purchases(("a", "p", "10D"), ("a", "p", "20D")), products("p"), as_of=AS_OF)
    assert data.history.all().decayed(10).tolist() == [0.75]


def test_attributes_of_buyers_and_of_others_are_kept_and_nothing_personal():
    people = pd.DataFrame(
        {"customer_id": ["a", "never"], "email": ["a@x.example", "n@x.example"], "age": ["19", "65+"]}
    )
    data = Dataset.from_frames(purchases(("a", "p", "1D")), products("p"), people, as_of=AS_OF)
    assert data.attributes["age"].to_dict() == {"a": "19", "never": "65+"}
    assert list(data.attributes) == ["age"]
    assert data.customer_ids.tolist() == ["a"]
