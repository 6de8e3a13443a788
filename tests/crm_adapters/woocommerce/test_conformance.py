"""WooCommerce passes every check that adapters must pass."""

import pytest

from crm_adapters.checks import CHECKS, check_adapter


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_woocommerce_passes(check, woocommerce_world):
    check(woocommerce_world)


def test_all_checks_run_one_after_the_other_on_one_shop(woocommerce_world):
    check_adapter(woocommerce_world)
