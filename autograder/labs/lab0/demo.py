"""The sample class of lab 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograder.checking.sample_class import Sample, SampleClass, edit, together

if TYPE_CHECKING:
    from autograder.checking.sample_class import Change


def _named(student: str, *changes: Change) -> Change:
    """Return a change that writes a student's id into the notebook, and makes others."""
    return together(edit("student_id", '"solution"', f'"{student}"'), *changes)


SAMPLE_CLASS = SampleClass(
    written="At the corner four pixels count. Each kernel of the second convolution has one bias. I worked alone.",
    samples=(
        Sample("01-full-marks", (30, 30), change=_named("01-full-marks")),
        Sample(
            "02-numbers-of-another",
            (0, 2),
            frozenset(
                (
                    *("my_convolution", "my_true_convolution", "my_padding", "my_kernel_size", "my_pooled_size"),
                    *("my_second_layer", "my_parameters", "my_receptive_fields", "my_poolings", "my_global_average"),
                )
            ),
            _named("01-full-marks"),
            flagged=True,
        ),
        Sample(
            "03-true-convolution",
            (24, 24),
            frozenset(("my_convolution",)),
            _named(
                "03-true-convolution",
                edit("my_convolution", "exercise.kernel", "np.array(exercise.kernel)[::-1, ::-1]"),
            ),
        ),
        Sample(
            "04-biases-forgotten",
            (29, 29),
            frozenset(("my_parameters",)),
            _named(
                "04-biases-forgotten",
                edit("my_parameters", "channels[k + 1])", "channels[k + 1], bias=False)"),
                edit("my_parameters", "exercise.hidden)", "exercise.hidden, bias=False)"),
                edit("my_parameters", "exercise.classes)", "exercise.classes, bias=False)"),
            ),
        ),
    ),
)
