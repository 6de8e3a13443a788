"""Content: alike by words, whatever the alphabet, and never by words of what was sold later."""

import numpy as np
import pytest

from engine.scorers.content import Content


def order(data, customer):
    row = data.customer_ids.get_indexer([customer])
    scores = Content().fit(data).score(row).toarray()[0]
    return data.product_ids[np.argsort(-scores, kind="stable")[: np.count_nonzero(scores)]].tolist()


@pytest.mark.parametrize("titles", [("green tea", "black tea", "hammer"), ("зелёный чай", "чёрный чай", "молоток")])
def test_a_product_with_shared_words_comes_before_others(shop, titles):
    title = dict(zip("pqr", titles, strict=True))
    empty = dict.fromkeys("pqr", "1")
    data = shop(("a", "p", 1), ("b", "q", 1), ("b", "r", 1), title=title, category_path=empty, brand=empty)
    assert order(data, "a") == ["p", "q"]


def test_a_catalogue_without_words_has_no_likeness(shop):
    blank = dict.fromkeys("pq", "7")
    data = shop(("a", "p", 1), ("b", "q", 1), title=blank, category_path=blank, brand=blank)
    assert Content().fit(data).score(np.array([0, 1, -1])).nnz == 0


def test_words_of_products_first_sold_later_do_not_weigh(shop):
    lines = [("a", "p", 9), ("b", "q", 9), ("b", "r", 9)]
    later = [(f"c{n}", f"x{n}", 1) for n in range(9)]
    title = {"p": "red tea", "q": "red hat", "r": "cold tea"} | {f"x{n}": "red thing" for n in range(9)}
    now, then = shop(*lines, title=title), shop(*lines, *later, title=title).before(7)
    scores = [Content().fit(data).score(np.array([0, 1])).toarray()[:, :3] for data in (now, then)]
    np.testing.assert_allclose(scores[0] > 0, scores[1] > 0)
    np.testing.assert_allclose(scores[0] / scores[0].max(), scores[1] / scores[1].max(), rtol=1e-5)
