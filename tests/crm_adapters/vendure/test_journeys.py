"""Journeys with a real Vendure shop: into the store through every death, and by the commands of the program."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from campaigns.cli import app
from campaigns.project import Project
from campaigns.store.tables import cursors, customers, orders, products
from campaigns.sync import pull
from campaigns.train import train
from campaigns.write_back import push

ROOT = Path(__file__).parents[3]
DYING = """
import logging, os, signal, sys
from campaigns.cli import main

class Death(logging.Handler):
    left = int(sys.argv.pop(1))

    def emit(self, record):
        Death.left -= 1
        if Death.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

log = logging.getLogger("crm_adapters.http")
log.setLevel(logging.INFO)
log.addHandler(Death())
main()
"""
"""The program itself, killed at the nth call to the shop."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def in_store(project):
    living = {customers: customers.c.erased_at.is_(None), products: products.c.published, orders: True}
    with project.store.engine.connect() as read:
        return {table.name: set(read.scalars(select(table.c.id).where(only))) for table, only in living.items()}


def in_shop(shop):
    placed = {"orderPlacedAt": {"isNull": False}}
    return {
        "customers": set(shop.found("customers", "id")),
        "products": set(shop.found("products", "id")),
        "orders": set(shop.found("orders", "id", **placed)),
    }


def test_the_program_killed_again_and_again_has_everything_once_in_the_end(big, lay_out):
    folder = lay_out(big)
    command = ["--project", str(folder), "sync", "pull", "vendure"]
    for call in (3, 6, 12):
        killed = subprocess.run([sys.executable, "-c", DYING, str(call), *command], cwd=ROOT, check=False)
        assert killed.returncode == -signal.SIGKILL
    whole = [sys.executable, "-m", "campaigns.cli", *command]
    done = subprocess.run(whole, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with Project.open(folder) as project:
        assert in_store(project) == in_shop(big.shop)
        assert len(in_store(project)["customers"]) >= 1_000
        with project.store.engine.connect() as read:
            brought = dict(read.execute(select(cursors.c.stream, cursors.c.records)).all())
            assert brought["customers"] == read.scalar(select(func.count()).select_from(customers))


def test_a_customer_a_product_and_an_order_deleted_there_are_gone_after_a_full_pull(small, lay_out):
    catalogue = small.shop.add_catalogue(3)
    small.shop.place([(catalogue[0][1][0], 1)], small.customers[1])
    with Project.open(lay_out(small)) as project:
        pull(project, "vendure")
        before = in_store(project)
        assert before == in_shop(small.shop)
        small.shop.delete("Customer", small.customers[:1])
        small.shop.delete("Product", [catalogue[2][0]])
        assert {told.stream: told.gone for told in pull(project, "vendure")} == {
            "customers": 0,  # a deletion can't be seen by change
            "products": 1,
            "orders": 0,
        }
        told = {one.stream: (one.records, one.gone) for one in pull(project, "vendure", full=True)}
        assert told == {"customers": (119, 1), "products": (2, 0), "orders": (1, 0)}
        assert in_store(project) == in_shop(small.shop)
        assert before["customers"] - in_store(project)["customers"] == {small.customers[0]}


def said(*words, code=0):
    """What a command prints, as JSON."""
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def plainly(*words, code=0):
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return done.output


def test_each_command_tells_what_there_is(small, lay_out):
    small.shop.add_catalogue(3)
    sync = ["--project", str(lay_out(small)), "sync"]
    systems = {one["adapter"]: one for one in said(*sync, "systems")}
    assert systems["vendure"]["connections"] == ["vendure"]
    fields = {one["name"]: one for one in said(*sync, "fields", "vendure")}
    assert fields["shortNote"] == {"name": "shortNote", "kind": "text", "writable": True, "longest": 20}
    assert (fields["pickScore"]["kind"], fields["picksUpdatedAt"]["kind"]) == ("number", "time")
    seen = said(*sync, "check", "vendure")
    assert seen["health"]["account"] == "superadmin"
    assert abs(seen["health"]["clock_skew_seconds"]) < 60
    assert [stream["stream"] for stream in seen["streams"]] == ["customers", "products", "orders"]
    assert seen["streams"][0]["before"][0]["emailAddress"] == seen["streams"][0]["after"][0]["email"]
    assert seen["streams"][1]["after"][0]["price_minor"] == 120
    assert said(*sync, "status") == {"streams": [], "refused": []}  # to look writes nothing
    brought = {one["stream"]: one["records"] for one in said(*sync, "pull", "vendure")}
    assert brought == {"customers": 120, "products": 3, "orders": 0}
    assert {one["stream"]: one["records"] for one in said(*sync, "status")["streams"]} == {
        "customers": 120,
        "products": 3,
    }


def test_the_same_in_words(small, lay_out):
    sync = ["--project", str(lay_out(small)), "sync"]
    assert "a Vendure shop, 3 (Admin API)" in " ".join(plainly(*sync, "systems").split())
    assert "shortNote" in plainly(*sync, "fields", "vendure")
    told = plainly(*sync, "check", "vendure")
    assert "vendure: superadmin, API 3 (Admin API), its clock" in told
    assert "emailAddress" in told
    assert "orders: none there" in told
    assert "gone" in plainly(*sync, "pull", "vendure")
    with Project.open(lay_out(small)) as project:
        push(project, "vendure", {"999999": {"segment": "loyal"}})
    told = plainly(*sync, "status")
    assert "customers" in told
    assert "999999" in told
    assert "rejected: 1" in plainly(*sync, "retry", "vendure", code=3)


def test_picks_learnt_from_a_year_of_files_are_written_to_the_shop(small, lay_out, write_shop):
    folder = lay_out(small)
    settings = folder / "handpicked.toml"
    files = '[connections.files]\nadapter = "files"\npath = "data"\n'
    now = "pretend_now = 2026-03-02T13:00:00Z\n"
    settings.write_text(now + settings.read_text() + files)
    write_shop(folder / "data", prefix="", consent=["subscribed"])  # customers 0 to 59: the shop has all but 0
    with Project.open(folder) as project:
        pull(project, "files")
        train(project)
    sync = ["--project", str(folder), "sync"]
    assert said(*sync, "push", "vendure", "--dry-run")["written"] == 60
    assert {one["customFields"]["segment"] for one in small.shop.found("customers", SEGMENT).values()} == {None}
    done = said(*sync, "push", "vendure", code=3)
    assert (done["written"], done["rejected"]) == (59, 1)
    found = small.shop.found("customers", SEGMENT)
    assert all(found[str(n)]["customFields"]["recommended_1_title"] for n in range(1, 60))
    assert [one["customer_id"] for one in said(*sync, "status")["refused"]] == ["0"]
    assert said(*sync, "retry", "vendure", code=3)["rejected"] == 1


SEGMENT = "id customFields { segment recommended_1_title }"
