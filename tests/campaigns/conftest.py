"""A project that past weeks can be judged on."""

import pandas as pd
import pytest

from campaigns.init import init
from campaigns.project import Project
from campaigns.sync import pull

NOW = pd.Timestamp("2026-03-02T13:00Z")


@pytest.fixture(scope="session")
def twelve_weeks(tmp_path_factory, write_shop):
    """The folder of a project whose small shop has twelve weeks of purchases before NOW; to be read only."""
    place = tmp_path_factory.mktemp("shop")
    init(place, pretend_now=NOW.isoformat().replace("+00:00", "Z"))
    write_shop(place / "data")
    with Project.open(place) as project:
        pull(project, "shop")
    return place
