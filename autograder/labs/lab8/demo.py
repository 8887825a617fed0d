"""The sample class that the demo grades."""

from autograder.checking.sample_class import Sample, SampleClass, edit

SAMPLE_CLASS = SampleClass(
    samples=(
        Sample("01-full-marks", (1, 1)),
        Sample("02-plain-relu", (0, 0), frozenset(("leaky_relu",)), edit("leaky_relu", "1, slope)", "1, 0)")),
    )
)
