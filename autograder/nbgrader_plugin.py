"""The preprocessors under the names that ``nbgrader_config.py`` gives them, whatever moves inside this package."""

from autograder.grading.nbgrader_plugin import FlagForReview, RestoreCells, TrustedExecute

__all__ = ["FlagForReview", "RestoreCells", "TrustedExecute"]
