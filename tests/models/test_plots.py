import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from data_contracts.estimates import Estimate
from data_contracts.sayings import Attribute
from data_contracts.snapshots import FeatureColumn
from data_contracts.vocabulary import Transition
from models.plots import (
    N_FEATURES_SHOWN,
    feature_importance,
    lift_curve,
    mean_contributions,
    reliability_diagram,
    windows_plot,
)
from tests.example_release import COLUMNS, evaluation

JUDGED = evaluation(Transition.MQL_TO_SQL, model="lightgbm")


def drawn(figure: Figure) -> bytes:
    """The figure as a picture; drawing raises where something in it cannot be drawn."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def test_the_reliability_diagram_shows_each_group_with_its_interval():
    figure = reliability_diagram(JUDGED)
    (axes,) = figure.axes
    points = axes.collections[-1].get_offsets()
    np.testing.assert_allclose(points, [[0.1, 0.12], [0.5, 0.45]])
    bars = axes.collections[0].get_segments()
    np.testing.assert_allclose([[bar[0, 1], bar[1, 1]] for bar in bars], [[0.08, 0.17], [0.35, 0.55]])
    assert axes.get_title() == "mql_to_sql, 300 leads from 2026-01-01 to 2026-04-01"
    assert drawn(figure).startswith(b"\x89PNG")


def test_a_larger_group_is_a_larger_point():
    sizes = reliability_diagram(JUDGED).axes[0].collections[-1].get_sizes()
    assert sizes[0] > sizes[1]


def test_the_lift_curve_starts_at_nothing_and_shows_its_interval():
    (axes,) = lift_curve(JUDGED).axes
    curve = axes.lines[1].get_xydata()
    np.testing.assert_allclose(curve, [[0, 0], [0.1, 0.3], [1, 1]])
    band = axes.collections[0].get_paths()[0].vertices
    assert {0.29, 0.31} <= {round(float(y), 2) for x, y in band if round(float(x), 2) == 0.1}


def test_a_diagram_without_groups_is_drawn_empty():
    figure = reliability_diagram(JUDGED.model_copy(update={"reliability": ()}))
    assert drawn(figure).startswith(b"\x89PNG")
    assert len(figure.axes[0].collections[-1].get_offsets()) == 0


UNDEFINED = Estimate(value=None, low=None, high=None)


@pytest.mark.parametrize(
    "points", [(), tuple(point.model_copy(update={"captured": UNDEFINED}) for point in JUDGED.lift_curve)]
)
def test_a_curve_without_defined_points_is_drawn_from_nothing_to_nowhere(points):
    figure = lift_curve(JUDGED.model_copy(update={"lift_curve": points}))
    assert drawn(figure).startswith(b"\x89PNG")
    curve = figure.axes[0].lines[1].get_xydata()
    assert curve[np.isfinite(curve[:, 1])].tolist() == [[0, 0]]


def test_features_are_ordered_by_how_much_they_move_predictions_with_their_meaning():
    importance = mean_contributions(
        pd.DataFrame({"visits": [0.1, -0.1], "industry": [0.0, 0.0], "days_since_visit": [2.0, 1.0]})
    )
    figure = feature_importance(importance, COLUMNS)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.1, 1.5])
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "visits to the site\n(visits)",
        "days since the last visit\n(days_since_visit)",
    ]
    assert drawn(figure)


def test_no_more_features_are_shown_than_can_be_read():
    columns = tuple(FeatureColumn(f"f{n}", "number", "behaviour", Attribute(f"meaning {n}"), "") for n in range(40))
    importance = mean_contributions(pd.DataFrame({f"f{n}": [float(n)] for n in range(40)}))
    (axes,) = feature_importance(importance, columns).axes
    assert [bar.get_width() for bar in axes.patches] == [float(n) for n in range(40 - N_FEATURES_SHOWN, 40)]


def test_a_base_rate_has_no_important_feature_and_says_so():
    figure = feature_importance(mean_contributions(pd.DataFrame({"visits": [0.0]})), COLUMNS)
    assert figure.axes[0].get_title() == "No feature moves the prediction: the base rate is published"
    assert drawn(figure)


def test_windows_stand_beside_each_other_with_their_baselines_and_our_intervals():
    windows = [evaluation(Transition.MQL_TO_SQL, model="blend", gain=gain) for gain in (0.02, 0.04)]
    losses, gains = windows_plot(windows).axes
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["base rate by age", "our model"]
    ours, *_ = gains.containers[0]
    assert ours.get_ydata().tolist() == [0.02, 0.04]
    ends = gains.containers[0][2][0].get_segments()
    assert [tuple(end[:, 1]) for end in ends] == [pytest.approx((0.01, 0.03)), pytest.approx((0.03, 0.05))]
    assert [label.get_text() for label in losses.get_xticklabels()] == ["2026-01-01", "2026-01-01"]
