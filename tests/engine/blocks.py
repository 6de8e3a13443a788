"""A planted matrix whose answer anyone can see: two groups of customers, each with products of its own."""

import numpy as np


def two_blocks(seed=3, gaps=0.5):
    """Lines of two groups of 30 customers, each buying half of its own 10 products."""
    rng = np.random.default_rng(seed)
    return [
        (f"c{customer:02}", f"p{customer % 2}{product}", 1)
        for customer in range(60)
        for product in range(10)
        if rng.random() > gaps
    ]


def table(data):
    """(customers, products) on how many days each was bought."""
    bought = data.history.all()
    return bought.matrix(bought.times).toarray()
