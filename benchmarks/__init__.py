"""The figures that the course promises, measured on this machine: ``python -m benchmarks``."""
