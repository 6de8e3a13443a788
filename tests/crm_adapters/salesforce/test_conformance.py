"""Salesforce passes every check that adapters must pass."""

import pytest

from crm_adapters.checks import CHECKS, check_adapter


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_salesforce_passes(check, salesforce_world):
    salesforce_world.clear()
    check(salesforce_world)


def test_all_checks_run_one_after_the_other_on_one_org(salesforce_world):
    check_adapter(salesforce_world)
