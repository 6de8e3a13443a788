"""Every adapter passes every check, on each kind of file and database."""

import pytest

from crm_adapters.checks import CHECKS, check_adapter


def rule(check):
    return check.__name__.removeprefix("check_")


@pytest.mark.parametrize("check", CHECKS, ids=rule)
def test_files_pass(check, folder_world):
    check(folder_world)


@pytest.mark.parametrize("check", CHECKS, ids=rule)
def test_a_database_passes(check, database_world):
    check(database_world)


def test_all_checks_run_one_after_the_other_on_one_world(folder_world):
    check_adapter(folder_world)


def test_all_checks_run_one_after_the_other_on_one_database(database_world):
    check_adapter(database_world)
