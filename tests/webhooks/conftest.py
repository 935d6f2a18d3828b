from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.kit.people import SmallGroup, small_group
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def group(at: datetime) -> SmallGroup:
    return small_group(at)
