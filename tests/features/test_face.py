"""What `from features import …` gives, and that the command line does without it until it is needed."""

import inspect
import subprocess
import sys

import features


def test_every_verb_and_noun_of_the_face_says_what_it_gives():
    assert [name for name in features.__all__ if not inspect.getdoc(getattr(features, name))] == []


def test_the_face_lists_its_names_in_order_and_each_once():
    assert features.__all__ == sorted(set(features.__all__))


def test_the_command_line_starts_without_the_engine_and_the_features():
    code = "import sys, pipelines.cli; print(sorted({'features', 'ibis', 'pandas'} & set(sys.modules)))"
    started = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert started.stdout.strip() == "[]"


def test_features_in_memory_are_typed_and_in_order_of_their_snapshots(make_history, make_snapshots, settings):
    snapshots = make_snapshots([{"lead_id": lead, "as_of": "2026-06-01"} for lead in "BA"])
    history = make_history({"leads": [{"lead_id": "A", "source": "web"}, {"lead_id": "B"}]})
    frame = features.build_features(history, snapshots, settings=settings).to_pandas()
    assert frame["lead_id"].tolist() == ["B", "A"]
    assert frame["n_inbound_7d"].tolist() == [0.0, 0.0]
    assert frame["source"].isna().tolist() == [True, False]
    assert {str(frame[name].dtype) for name in ("source", "lead_id", "stage")} == {"str"}
