"""The known faults of lab 2."""

from __future__ import annotations

MUTANTS = ()
