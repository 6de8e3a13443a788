"""An empty Klaviyo, with its witness before it."""

import pytest

from tests.crm_adapters.klaviyo.world import World


@pytest.fixture
def world():
    return World()
