import doctest

import pytest

from campaigns.mail import headers, money


@pytest.mark.parametrize("module", [headers, money], ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_are_true(module):
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted
    assert not result.failed
