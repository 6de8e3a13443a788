"""Content: products that read like what the customer buys (category, type, brand, words)."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

from engine.dataset import Dataset
from engine.history import Rows
from engine.scorers.base import keep_top, known_rows, most

# Letters of any alphabet, and the signs that hold a name together.
_WORD = r"(?:[^\W\d]|'){2,}"


class Content:
    """Cosine of the customer's decayed basket and each product, over TF-IDF of category, brand and title words.

    Alone it is near random on groceries; times popularity it finds the sold ones among the alike. Its place is
    products that nobody's neighbours know yet.
    """

    name = "content"

    def __init__(self, products: int = 4000, half_life_days: float = 112.0, candidates: int = 50) -> None:
        self.products, self.half_life_days, self.candidates = products, half_life_days, candidates

    def fit(self, data: Dataset) -> Self:
        """Vectorise the catalogue; candidates are the most sold products."""
        catalog = data.catalog
        texts = catalog["category_path"] + " " + catalog["brand"].str.replace(" ", "_") + " " + catalog["title"]
        everything = data.history.all()
        bought = everything.matrix(everything.decayed(self.half_life_days))
        sold = np.bincount(bought.indices, minlength=data.shape[1])
        words = _word_weights(texts.to_numpy(object), sold > 0)
        self.members = most(sold, self.products)
        self.taste = sparse.csr_array(normalize(bought @ words))
        self._words = sparse.csr_array(words[self.members]).T.tocsr()
        self._sold = np.sqrt(sold[self.members]).astype(np.float32)
        self._width = data.shape[1]
        return self

    def score(self, rows: Rows) -> sparse.csr_array:
        """Likeness to the customer's taste, times the root of the number of buyers."""
        alike = (known_rows(self.taste, rows) @ self._words).toarray() * self._sold
        top = keep_top(np.asarray(alike, dtype=np.float32), self.candidates)
        return sparse.csr_array((top.data, self.members[top.indices], top.indptr), shape=(len(rows), self._width))


def _word_weights(texts: NDArray[np.object_], sold: NDArray[np.bool_]) -> sparse.csr_array:
    """Weigh the words of each product: (products, words).

    How rare a word is counts over what was sold until now: the others are only in the catalogue because they were sold
    later, and a model that learns on past weeks must not know that.
    """
    try:
        counts = CountVectorizer(token_pattern=_WORD, dtype=np.float32).fit_transform(texts)
    except ValueError:  # not one word in the whole catalogue
        return sparse.csr_array(np.zeros((len(texts), 1), dtype=np.float32))
    return sparse.csr_array(TfidfTransformer().fit(counts[sold]).transform(counts))
