"""An answer of another form than an adapter expects ends in words, and what came before it is kept."""

import pytest

from crm_adapters.drift import each_form_told, form_told
from crm_adapters.errors import BadSource, Denied

LIKE = "Acme answers in another form than expected: {}; see whether the system was updated"


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda told: told["lines"], "it lacks 'lines'"),
        (lambda told: told["id"]["x"], "string indices must be integers, not 'str'"),
        (lambda told: told["id"].get("x"), "'str' object has no attribute 'get'"),
        (lambda told: told["empty"][0], "list index out of range"),
        (lambda told: int(told["id"]), "a value can't be read"),
    ],
)
def test_what_an_adapter_stumbles_over_is_told_without_the_value(read, words):
    with pytest.raises(BadSource, match=LIKE.format(words)) as refused, form_told("Acme"):
        read({"id": "ann@example.com", "empty": []})
    assert "ann@" not in str(refused.value)
    assert refused.value.__cause__ is not None


def test_a_refusal_stays_what_it_is():
    with pytest.raises(Denied), form_told("Acme"):
        raise Denied("Acme says no", remedy="ask nicely")


def test_what_was_yielded_before_is_kept():
    @each_form_told("Acme")
    def pages(told):
        yield from told
        yield told[7]

    found = pages([1, 2])
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(BadSource, match="another form"):
        next(found)
