"""Visits: the chance that a customer buys anything at all in a week."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from engine.pairs import Values


class Visits:
    """A logistic regression on the logarithms of each customer's rhythm: how often, how lately, for how long.

    What is ranked is learnt from customers who bought in the week; this tells how many of them do.
    """

    def fit(self, rhythm: Values, came: NDArray[np.bool_]) -> Self:
        """Learn from customers of past weeks.

        Args:
            rhythm: (customer-weeks, facts) as `rhythm.rhythm` told before the week.
            came: (customer-weeks,) whether the customer bought anything in it.
        """
        self._weights, self._bias = np.zeros(rhythm.shape[1]), float(logit(came.mean()))
        if came.any() and not came.all():
            scale = StandardScaler()
            model = LogisticRegression().fit(scale.fit_transform(np.log1p(rhythm.astype(float))), came)
            self._weights = model.coef_[0] / scale.scale_
            self._bias = float(model.intercept_[0] - self._weights @ scale.mean_)
        return self

    def __call__(self, rhythm: Values) -> Values:
        """The chance of each customer, the same bits whoever else is asked for: (customers,)."""
        return np.asarray(expit((np.log1p(rhythm) * self._weights).sum(axis=1) + self._bias), dtype=np.float32)
