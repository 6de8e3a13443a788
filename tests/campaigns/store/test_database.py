"""A new database that several processes open at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import inspect

from campaigns.schedule import Scheduler
from campaigns.store.database import open_store

AT_ONCE = 6


def test_whoever_opens_a_new_database_at_once_finds_its_tables_and_the_scheduler_its_own(database, tmp_path):
    together = Barrier(AT_ONCE, timeout=30)

    def open_and_schedule(_):
        together.wait()
        with open_store(database) as store:
            together.wait()
            Scheduler(store.engine, tmp_path, [], [], on_missed=print, on_error=print)
            with store.engine.connect() as read:
                return set(inspect(read).get_table_names())

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(open_and_schedule, range(AT_ONCE)))
    assert all({"orders", "messages", "apscheduler_jobs"} <= tables for tables in found)
