"""One workshop for all tests of a module: making its states takes most of a minute."""

import pytest

from tests.robustness.workshop import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A small CRM with a store in each of the states in which a step may find it."""
    return Workshop(tmp_path_factory.mktemp("workshop"))
