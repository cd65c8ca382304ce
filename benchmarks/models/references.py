"""What everybody is held against: the base rate of training, and the base rate by age in stage."""

from benchmarks.models.tasks import Task
from models.baselines import base_rate_by_age_prediction, base_rate_prediction
from models.metrics import Prediction


def references(task: Task) -> list[Prediction]:
    """The base rate of the task's own training rows, and ours by age, learnt from all moments."""
    judged = task.judged()
    return [
        base_rate_prediction(judged.train, judged.test),
        base_rate_by_age_prediction(task.split.train, judged.test),
    ]
