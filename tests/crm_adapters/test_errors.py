"""Secrets are hidden in each form in which somebody may repeat them."""

import json
from urllib.parse import quote

import pytest

from crm_adapters.errors import without_secrets

SECRET = 'pä"s\\s wo/rd'


@pytest.mark.parametrize("form", [SECRET, json.dumps(SECRET)[1:-1], repr(SECRET)[1:-1], quote(SECRET, safe="")])
def test_a_secret_is_hidden_in_each_form(form):
    assert without_secrets(f"<{form}>", [SECRET]) == "<***>"


def test_a_secret_within_another_leaves_nothing_of_the_longer():
    assert without_secrets("ab abc", ["ab", "abc"]) == "*** ***"


def test_a_secret_pasted_with_a_line_break_is_hidden_without_it_too():
    assert without_secrets("token t0ken is wrong", ["t0ken\n"]) == "token *** is wrong"


@pytest.mark.parametrize("nothing", ["", " ", "\n"])
def test_an_empty_secret_hides_nothing(nothing):
    assert without_secrets("no such user", [nothing]) == "no such user"
