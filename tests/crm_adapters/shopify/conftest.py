"""An empty shop, behind Shopify's own schema."""

import pytest

from tests.crm_adapters.shopify.world import World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def fake(world):
    return world.fake


@pytest.fixture
def clock(world):
    return world.clock
