"""One scene for a whole file of tests: built once, in a transaction that is rolled back when the file is done."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.test import override_settings

from tests.access.scene import AT, build
from tests.access.walk import Walker


@pytest.fixture(scope="module")
def walker(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walker]:
    """Give the walker through the scene; its thousands of requests are not logged."""
    logging.disable(logging.ERROR)
    own_files = override_settings(FILES_DIR=tmp_path_factory.mktemp("files"))
    with own_files, django_db_blocker.unblock(), time_machine.travel(AT, tick=False), transaction.atomic():
        yield Walker(build())
        transaction.set_rollback(True)
    logging.disable(logging.NOTSET)
