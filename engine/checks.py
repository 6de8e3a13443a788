"""What every scorer must keep, as code: prove your own with `check_scorer(MyScorer)`."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.history import Rows
from engine.scorers.base import Scorer

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")
WEEK_DAYS = 7
SAME = 1e-4
"""Relative difference of scores that still counts as none: ages are float32, and sums are made in any order."""

Make = Callable[[], Scorer]


def check_scorer(make: Make) -> None:
    """Prove that a scorer keeps the contract of `Scorer`, on small made-up shops.

    Args:
        make: gives a new scorer, not fitted, each time the same.

    Raises:
        AssertionError: says which rule is broken, and how.

    >>> from engine.scorers.popularity import Popularity
    >>> check_scorer(Popularity)
    """
    for check in (
        _fit_returns_the_scorer,
        _scores_have_the_agreed_form,
        _who_is_not_known_is_like_all_others_not_known,
        _each_customer_is_scored_alone,
        _two_fits_agree,
        _later_purchases_change_nothing,
        _an_earlier_view_equals_an_earlier_time,
        _the_least_data_will_do,
        _inputs_stay_as_they_are,
    ):
        check(make)


def _fit_returns_the_scorer(make: Make) -> None:
    scorer = make()
    _hold(scorer.fit(_shop()) is scorer, "fit returns the scorer itself")
    _hold(isinstance(scorer.name, str) and scorer.name != "", "a scorer has a name")


def _scores_have_the_agreed_form(make: Make) -> None:
    data = _shop()
    scorer = make().fit(data)
    for rows in (_everybody(data), np.zeros(0, dtype=np.intp)):
        _hold_form(scorer.score(rows), (len(rows), data.shape[1]))


def _who_is_not_known_is_like_all_others_not_known(make: Make) -> None:
    scores = _fitted_scores(make, np.array([-1, 0, -1, 3]))
    _hold_form(scores, (4, _shop().shape[1]))
    _hold_same(scores[[0]], scores[[2]], "everybody who is not known (-1) gets the same scores, or none")


def _each_customer_is_scored_alone(make: Make) -> None:
    data = _shop()
    scorer, rows = make().fit(data), np.append(_everybody(data), -1)
    whole = scorer.score(rows)
    order = np.random.default_rng(1).permutation(len(rows))
    _hold_same(scorer.score(rows[order]), whole[order], "customers in another order get the same scores")
    parts = [scorer.score(part) for part in np.array_split(rows, 5)]
    _hold_same(sparse.vstack(parts, format="csr"), whole, "customers in other batches get the same scores")


def _two_fits_agree(make: Make) -> None:
    rows = _everybody(_shop())
    first, second = _fitted_scores(make, rows), _fitted_scores(make, rows)
    same = [np.array_equal(getattr(first, part), getattr(second, part)) for part in ("indptr", "indices", "data")]
    _hold(all(same), "two fits on the same data give the same scores")


def _later_purchases_change_nothing(make: Make) -> None:
    bought = _purchases()
    late = bought["at"] >= AS_OF
    scrambled = bought.copy()
    scrambled.loc[late, "product_id"] = bought.loc[late, "product_id"].to_numpy()[::-1]
    worlds = [_dataset(bought), _dataset(scrambled), _dataset(bought[~late])]
    true, other, none = (make().fit(data).score(_everybody(data)) for data in worlds)
    _hold_same(other, true, "purchases after the cut-off change nothing when scrambled")
    _hold_same(none, true, "purchases after the cut-off change nothing when left out")


def _an_earlier_view_equals_an_earlier_time(make: Make) -> None:
    earlier = AS_OF - pd.Timedelta(days=WEEK_DAYS)
    view = _shop().before(WEEK_DAYS)
    data = _dataset(_purchases(), as_of=earlier)
    seen = make().fit(view).score(view.customer_ids.get_indexer(data.customer_ids))
    then = make().fit(data).score(_everybody(data)).toarray()
    wide = np.zeros(seen.shape, dtype=np.float32)
    wide[:, view.product_ids.get_indexer(data.product_ids)] = then
    rule = f"fitted on dataset.before({WEEK_DAYS}), scores are those of a dataset made {WEEK_DAYS} days earlier"
    _hold_same(seen, sparse.csr_array(wide), rule)


def _the_least_data_will_do(make: Make) -> None:
    bought = _purchases()
    one_customer = bought[bought["customer_id"] == "c01"]
    one_product = bought[bought["product_id"] == "p01"]
    for what, frame in (
        ("one purchase", bought.head(1)),
        ("one customer", one_customer),
        ("one product", one_product),
    ):
        data = _dataset(frame)
        rows = np.append(_everybody(data), -1)
        try:
            scores = make().fit(data).score(rows)
        except Exception as error:
            raise AssertionError(f"broken rule: {what} is enough data; it raised {error!r}") from error
        _hold_form(scores, (len(rows), data.shape[1]))


def _inputs_stay_as_they_are(make: Make) -> None:
    data, untouched = _shop(), _shop()
    rows = np.append(_everybody(data), -1)
    asked = rows.copy()
    scorer = make().fit(data)
    first = scorer.score(asked).copy()
    _hold(np.array_equal(asked, rows), "score leaves the rows it is given as they are")
    _hold(_equal(data, untouched), "fit and score leave the dataset as it is")
    # A caller owns what it was given: to change it must not change the model.
    given = scorer.score(asked)
    given.data[:] = 1
    _hold_same(scorer.score(asked), first, "scores that were given away are not part of the model")


def _hold(kept: bool, rule: str, found: str = "") -> None:
    if not kept:
        raise AssertionError(f"broken rule: {rule}" + (f"; {found}" if found else ""))


def _hold_form(scores: sparse.csr_array, shape: tuple[int, int]) -> None:
    _hold(sparse.issparse(scores) and scores.format == "csr", "scores are a csr array", f"got {type(scores).__name__}")
    _hold(scores.shape == shape, "scores have the shape (rows asked, products)", f"got {scores.shape}, not {shape}")
    _hold(scores.dtype == np.float32, "scores are float32", f"got {scores.dtype}")
    _hold(bool(np.isfinite(scores.data).all()), "scores are finite")
    _hold(
        bool((scores.data > 0).all()), "only scores above 0 are stored", f"the lowest is {scores.data.min(initial=0)}"
    )
    row = np.repeat(np.arange(shape[0]), np.diff(scores.indptr))
    places = row * max(shape[1], 1) + scores.indices
    _hold(bool((np.diff(places) > 0).all()), "columns are in order within each row, each once")


def _hold_same(found: sparse.csr_array, expected: sparse.csr_array, rule: str) -> None:
    _hold(found.shape == expected.shape, rule, f"their shapes are {found.shape} and {expected.shape}")
    apart = np.abs((found - expected).toarray())
    _hold(
        bool((apart <= SAME * np.abs(expected.toarray())).all()), rule, f"they differ by up to {apart.max(initial=0)}"
    )


def _fitted_scores(make: Make, rows: Rows) -> sparse.csr_array:
    return make().fit(_shop()).score(rows)


def _equal(data: Dataset, other: Dataset) -> bool:
    arrays = ("customer", "product", "age_days", "order", "price")
    same = [np.array_equal(getattr(data, name), getattr(other, name)) for name in arrays]
    return all(same) and data.catalog.equals(other.catalog) and data.attributes.equals(other.attributes)


def _everybody(data: Dataset) -> NDArray[np.intp]:
    return np.arange(data.shape[0])


def _shop() -> Dataset:
    return _dataset(_purchases())


def _dataset(purchases: pd.DataFrame, as_of: pd.Timestamp = AS_OF) -> Dataset:
    return Dataset.from_frames(purchases, _products(), _customers(), as_of=as_of)


def _purchases() -> pd.DataFrame:
    """Ten weeks of 40 customers, the last one after `AS_OF`; of each taste, and with newcomers in the last weeks."""
    rng = np.random.default_rng(7)
    lines = [
        (f"c{customer:02}", f"o{customer}-{week}", f"p{_pick(rng, customer, week):02}", week)
        for week in range(10)
        for customer in range(30 + week)
        for _ in range(int(rng.integers(1, 4)))
    ]
    frame = pd.DataFrame(lines, columns=["customer_id", "order_id", "product_id", "week"])
    # Never near midnight or the turn of a week: there a rounded age may fall on either side.
    hours = pd.to_timedelta((frame["week"] - 9) * 168 + rng.integers(8, 160, len(frame)) // 24 * 24 + 9.5, unit="h")
    return frame.assign(at=AS_OF + hours, quantity=1.0, price_minor=250.0).sort_values("at", ignore_index=True)


def _pick(rng: np.random.Generator, customer: int, week: int) -> int:
    """A product of the customer's taste; two of them are sold only in the last week before `AS_OF`, and after."""
    taste = customer % 3 * 8
    return 24 + int(rng.integers(2)) if week >= 8 and rng.random() < 0.3 else taste + int(rng.integers(8))


def _products() -> pd.DataFrame:
    number = range(26)
    return pd.DataFrame(
        {
            "product_id": [f"p{n:02}" for n in number],
            "title": [f"{('Plain', 'Fine', 'Best')[n % 3]} {'novelty' if n >= 24 else 'staple'}" for n in number],
            "category_path": [
                f"Food > {('Bread', 'Milk', 'Fruit', 'Tea')[n // 8]} > Kind {'abcdefgh'[n % 8]}" for n in number
            ],
            "brand": [("Mill", "Dale")[n % 2] for n in number],
            "size": "1 lb",
            "available": True,
            "recommendable": True,
        }
    )


def _customers() -> pd.DataFrame:
    number = range(50)
    return pd.DataFrame(
        {
            "customer_id": [f"c{n:02}" for n in number],
            "household": [("one", "two", "family")[n % 3] for n in number],
            "region": [None if n % 5 == 0 else ("north", "south")[n % 2] for n in number],
        }
    )
