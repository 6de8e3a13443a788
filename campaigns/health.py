"""HEALTH: does the database answer?"""

from sqlalchemy import select

from campaigns.project import Project


def check(project: Project) -> None:
    """Ask the database something that costs nothing.

    Raises:
        StoreError: it can't be opened.
        SQLAlchemyError: it was open, and no longer answers.
    """
    with project.store.engine.connect() as read:
        read.execute(select(1)).scalar_one()
