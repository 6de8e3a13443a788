"""Klaviyo passes every check, on a fake that Klaviyo's specification and SDK stand guard over."""

import pytest

from crm_adapters.checks import CHECKS, check_adapter


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("null_next", [False, True], ids=["next-left-out", "next-null"])
def test_klaviyo_passes(check, null_next, world):
    world.fake.null_next = null_next
    check(world)


def test_all_checks_run_one_after_the_other(world):
    check_adapter(world)
