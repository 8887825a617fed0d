"""What ``nbgrader_config.py`` and ``nbgrader export`` name, whatever moves inside this package."""

from autograder.gradebook.late import PercentPerDay
from autograder.gradebook.platform_grades import CanvasExport, MoodleExport
from autograder.grading.nbgrader_plugin import FlagForReview, RestoreCells, TrustedExecute

__all__ = ["CanvasExport", "FlagForReview", "MoodleExport", "PercentPerDay", "RestoreCells", "TrustedExecute"]
