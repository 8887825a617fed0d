"""The sample class of lab 8."""

from __future__ import annotations

from autograder.checking.sample_class import BEGIN, Sample, SampleClass, edit

#: As long as loops over samples and channels take where they are timed, and short in a training, whose steps are many.
_SLOW = "\n    import time; time.sleep(1e-7 * len(h) * (W.shape[2] * W.shape[3]) ** 2)"

SAMPLE_CLASS = SampleClass(
    samples=(
        Sample("01-full-marks", (30, 30)),
        Sample(
            "02-kernel-not-flipped",
            # With these gradients, some of the trainings reach the accuracy that is asked.
            (27.5, 28.5),
            frozenset(("conv2d_backward", "train_network")),
            edit("conv2d_backward", "W[::-1, ::-1].transpose", "W.transpose"),
        ),
        Sample(
            "03-all-ties-get-the-gradient",
            (29, 29),
            frozenset(("pool2d_backward",)),
            edit("pool2d_backward", "winner == k", "corners[k] == corners.max(axis=0)"),
        ),
        Sample(
            "04-no-mean-over-the-batch",
            (28.5, 28.5),
            frozenset(("softmax_cross_entropy_backward", "train_network")),
            edit("softmax_cross_entropy_backward", ") / len(z)", ")"),
        ),
        Sample(
            "05-running-statistics",
            (28.75, 28.75),
            frozenset(("batch_norm_backward",)),
            edit("batch_norm_backward", "(dy - beside - x_hat * along)", "dy"),
        ),
        Sample(
            "06-step-across-kinks",
            (29.25, 29.25),
            frozenset(("gradient_check",)),
            edit("gradient_check", "step = 1e-5", "step = 1e-2"),
        ),
        Sample(
            "07-slow-gradient",
            (28.5, 28.5),
            frozenset(("conv2d_backward",)),
            edit("conv2d_backward", BEGIN, BEGIN + _SLOW),
        ),
        Sample(
            "08-lets-the-tape-do-it",
            (26, 26),
            frozenset(("relu_backward", "train_network")),
            edit("relu_backward", BEGIN, BEGIN + "\n    return tape(tf.nn.relu, da, z)[0]\n"),
        ),
    ),
)
