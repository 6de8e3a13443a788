"""History: each customer's purchases by day, for any customers in any order."""

import numpy as np
import pytest

from engine.dataset import Dataset
from engine.history import History


@pytest.fixture
def history():
    """Customer 0 bought product 0 thrice on two days and product 2 once; customer 1 nothing; customer 2 product 1."""
    customer, product = np.array([0, 0, 0, 0, 2], np.int32), np.array([0, 0, 0, 2, 1], np.int32)
    return History(customer, product, np.array([10.2, 10.5, 20.5, 5.5, 1], np.float32), (3, 3))


def test_days_times_and_gaps_are_those_of_the_purchases(history):
    bought = history.of(np.array([0]))
    assert bought.product.tolist() == [0, 2]
    assert bought.times.tolist() == [2, 1]  # two lines of one day are one purchase
    assert bought.last_days.tolist() == pytest.approx([10.2, 5.5])
    assert bought.first_days.tolist() == pytest.approx([20.5, 5.5])
    assert bought.gap_days.tolist() == pytest.approx([10.3, 0])
    assert bought.decayed(10).tolist() == pytest.approx([2**-1.02 + 2**-2.05, 2**-0.55])


def test_customers_come_in_the_order_asked_and_who_is_not_known_bought_nothing(history):
    bought = history.of(np.array([2, -1, 1, 0, 2]))
    assert bought.row.tolist() == [0, 3, 3, 4]
    assert bought.product.tolist() == [1, 0, 2, 1]
    assert bought.matrix(bought.times).toarray().tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0], [2, 0, 1], [0, 1, 0]]


def test_everybody_and_nobody(history):
    assert history.all().matrix(history.all().times).toarray().tolist() == [[2, 0, 1], [0, 0, 0], [0, 1, 0]]
    nobody = history.of(np.zeros(0, dtype=np.intp))
    assert nobody.times.tolist() == nobody.decayed(7).tolist() == nobody.last_days.tolist() == []


def test_a_dataset_gives_the_same_history_whatever_the_order_of_its_lines(shop):
    lines = [("a", "p", 9.5), ("b", "q", 3.5), ("a", "q", 2.5), ("a", "p", 1.5)]
    first, second = (data.history.all() for data in (shop(*lines), shop(*reversed(lines))))
    assert first.product.tolist() == second.product.tolist() == [0, 1, 1]
    assert first.age_days.tolist() == second.age_days.tolist()
    assert isinstance(shop(*lines), Dataset)
