"""Shopify passes every check, page by page and by bulk operations, behind its own schema."""

import pytest

from crm_adapters.base import System
from crm_adapters.checks import CHECKS, check_adapter
from tests.crm_adapters.shopify.world import NEVER, World


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("bulk_from", [NEVER, 0], ids=["pages", "bulk"])
def test_shopify_passes(check, bulk_from):
    check(World(bulk_from))


@pytest.mark.parametrize("bulk_from", [NEVER, 0], ids=["pages", "bulk"])
def test_all_checks_run_one_after_the_other(bulk_from):
    check_adapter(World(bulk_from))


def test_the_adapter_is_a_system(world):
    assert isinstance(world.open(), System)
