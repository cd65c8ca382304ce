"""What `from models import ...` offers, and what it costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import models
from data_contracts.evaluations import Evaluation
from models.train import train_transition


def test_every_name_it_offers_is_there():
    assert models.train_transition is train_transition
    assert models.Evaluation is Evaluation
    assert [name for name in models.__all__ if getattr(models, name).__name__ != name] == []
    assert set(models.__all__) <= set(dir(models))


def test_what_is_told_to_type_checkers_is_what_is_offered():
    tree = ast.parse(Path(models.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    told = {node.module: tuple(alias.name for alias in node.names) for node in block.body}
    assert told == models._HOMES
    assert sorted(name for names in told.values() for name in names) == models.__all__


def test_a_name_it_does_not_offer_is_refused_with_those_it_does():
    with pytest.raises(AttributeError, match="models has no 'train'; it offers Comparison, "):
        models.__getattr__("train")


def test_asking_for_one_module_imports_no_library_of_the_others():
    code = "import sys, models.versions; print({'sklearn', 'lightgbm', 'mlflow', 'pandas'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
