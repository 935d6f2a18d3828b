from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.factories.providers import ProviderFactory
from tests.kit.api import ApiClient
from tests.kit.people import EVER, SmallGroup, small_group


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.FILES_DIR = tmp_path
    return tmp_path


@pytest.fixture
def group() -> SmallGroup:
    made = small_group(EVER)
    ProviderFactory.create(code="PRO", organization=made.provider)
    return made


@pytest.fixture
def staff(group: SmallGroup) -> ApiClient:
    return ApiClient.of(group.provider_staff, timezone.now())
