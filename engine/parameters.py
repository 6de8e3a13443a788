"""Parameters: what of the blend can be tuned, and which part of it is left out to see what that one adds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    """How the blend's scorers look at purchases.

    Attributes:
        neighbours_ridge: how sceptical the item-item model is; the more customers, the higher it may be.
        neighbours_half_life_days: how fast a purchase fades in it.
        user_neighbours: how many of the most similar customers have a say.
        kinds_ridge: how sceptical the model of kinds that go together is.
        popularity_half_life_days: how fast a purchase fades in what is popular.
        without: a part that is left out, one of `engine.moment.PARTS`, with its candidates and its features; none if
            blank.
    """

    neighbours_ridge: float = 300.0
    neighbours_half_life_days: float = 365.0
    user_neighbours: int = 100
    kinds_ridge: float = 100.0
    popularity_half_life_days: float = 14.0
    without: str = ""


DEFAULTS = Parameters()
