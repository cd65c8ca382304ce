"""Who puts a release into force. What is put into force, and what is put back, is in `test_in_force.py`."""

import getpass
import os

import pytest

from pipelines import promote
from pipelines.promote import USER, who


def test_who_works_here_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(USER, "revenue operations")
    assert who() == "revenue operations"


def test_who_works_here_is_never_an_address(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(USER, "jane@example.com")
    assert who() == "(masked: it looks like an email address or a phone number)"


def test_without_the_variable_it_is_the_user_at_this_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(USER, raising=False)
    monkeypatch.setenv("LOGNAME", "ops")
    assert who() == "ops" == getpass.getuser()


def test_a_user_without_a_name_is_named_by_number(monkeypatch: pytest.MonkeyPatch):
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.delenv(USER, raising=False)
    monkeypatch.setattr(promote.getpass, "getuser", nameless)
    assert who() == f"user {os.getuid()}"
