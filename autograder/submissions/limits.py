"""How long a student's code may take where nothing else is configured: grading ends it, and the notebook says so."""

from __future__ import annotations

#: Seconds of wall time for one cell, for one answer, and for a whole submission.
CELL_SECONDS, QUESTION_SECONDS, TOTAL_SECONDS = 20.0, 10.0, 180.0
