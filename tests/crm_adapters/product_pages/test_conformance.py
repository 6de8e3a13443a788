"""Feeds and sites pass every check that adapters must pass; they have products alone, and refuse a push."""

import pytest

from crm_adapters.checks import CHECKS, check_adapter


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_product_pages_pass(check, pages_world):
    check(pages_world)


def test_all_checks_run_one_after_the_other_on_one_shop(pages_world):
    check_adapter(pages_world)
