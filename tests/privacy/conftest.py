from datetime import datetime

import pytest

from tests.kit.people import SmallGroup, small_group


@pytest.fixture
def group(at: datetime) -> SmallGroup:
    return small_group(at)
