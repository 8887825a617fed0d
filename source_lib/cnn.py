"""A convolutional network that runs on one's own layer functions, with the weights of a trained Keras model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from source_lib.data import DataGenerator

#: Kinds of layers that hand on what they get once training is over.
_SILENT = ("inputlayer", "dropout", "spatialdropout2d", "gaussiannoise", "gaussiandropout", "alphadropout")


#: Seconds between two lines of progress, and until the first.
PROGRESS_SECONDS = 2.0


class LayerError(ValueError):
    """A layer function is missing or returned something that cannot be a layer's output. The message says which."""


class CNN:
    """Run a network with layer functions that are given to it.

    The class holds no layer itself: it looks at each layer's kind, calls the function that belongs to it, and checks
    what comes back.

    Parameters
    ----------
    dataset : DataGenerator
        Images for `evaluate`.
    verbose : bool
        Whether to print results, and progress where it takes long.
    layers : mapping of str to callable
        The functions, in a notebook ``globals()``. They are looked up when they are needed, so a cell
        may be run again:

        - ``activation(x, name)`` for layers that only apply an activation,
        - ``conv2d_layer(h, W, b, name)`` with h [D_y, D_x, C_I], W [R, S, C_I, C_O], b [C_O], to [D_y, D_x, C_O],
        - ``pool2d_layer(h)`` with h [D_y, D_x, C], to [D_y // 2, D_x // 2, C],
        - ``flatten_layer(h)`` to one axis,
        - ``dense_layer(h, W, b, name)`` with h [in], W [out, in], b [out, 1], to [out] or [out, 1],
        - ``count_weights(W, b)`` to the number of parameters,
        - ``evaluate(y_prob, y_onehot)`` with both [N, K], to the mean cross-entropy per image and the accuracy
          in percent.

    Attributes
    ----------
    W, b : list of numpy.ndarray
        Weights and biases of each layer, as `setup_model` got them.
    lname, activation : list of str
        Kind and activation of each layer.
    N : int
        Number of parameters, as ``count_weights`` counts them.

    Examples
    --------
    >>> W, b, lname = util.get_weights(model)                        # doctest: +SKIP
    >>> network = CNN(data, layers=globals())                        # doctest: +SKIP
    >>> network.setup_model(W, b, lname, util.get_activations(model))  # doctest: +SKIP
    >>> network.evaluate()                                           # doctest: +SKIP
    """

    def __init__(self, dataset: DataGenerator, verbose: bool = True, *, layers: Mapping[str, Callable]):
        if not isinstance(layers, Mapping):
            raise TypeError("layers is a mapping from names to functions, such as globals().")
        self.dataset = dataset
        self.verbose = verbose
        self._functions = layers
        self.W: list[np.ndarray] = []
        self.b: list[np.ndarray] = []
        self.lname: list[str] = []
        self.activation: list[str] = []

    def setup_model(
        self, W: Sequence[np.ndarray], b: Sequence[np.ndarray], lname: Sequence[str], activation: Sequence[str]
    ) -> None:
        """Take over a model's layers and count its parameters.

        Parameters
        ----------
        W, b, lname : list
            What `source_lib.util.get_weights` returns.
        activation : list of str
            The activation of each layer, as from `source_lib.util.get_activations`; for layers without one it does
            not matter.

        Raises
        ------
        LayerError
            If a layer's kind is unknown, or ``count_weights`` is missing.
        ValueError
            If the lists are of different lengths or empty.
        """
        if isinstance(activation, str):
            raise ValueError(
                f"activation is a list with one name per layer, not {activation!r}. Use util.get_activations(model)."
            )
        lengths = {"W": len(W), "b": len(b), "lname": len(lname), "activation": len(activation)}
        if len(set(lengths.values())) > 1 or not lname:
            listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise ValueError(f"The lists need one entry per layer, but {listed}.")
        for kind in lname:
            if kind not in _RUN and not _silent(kind):
                raise LayerError(f"A layer of kind {kind!r} cannot be run. Known kinds: {', '.join(_RUN)}.")
        self.W, self.b, self.lname, self.activation = list(W), list(b), list(lname), list(activation)
        self.N = self._function("count_weights")(self.W, self.b)
        if self.verbose:
            print(f"{len(self.lname)} layers with {self.N} parameters.")

    def layer_outputs(self, h: np.ndarray) -> Iterator[np.ndarray]:
        """Yield what each layer gives for one image, first layer first.

        Parameters
        ----------
        h : numpy.ndarray, shape [D_y, D_x, C]
            One image.

        Yields
        ------
        numpy.ndarray
            The output of a layer; of a dense layer as one axis.

        Raises
        ------
        LayerError
            If a function is missing, or returned something that cannot be its layer's output.
        ValueError
            If there is no model yet.
        """
        if not self.lname:
            raise ValueError("There is no model yet. Call setup_model first.")
        h = np.asarray(h)
        for W, b, kind, activation in zip(self.W, self.b, self.lname, self.activation, strict=True):
            if not _silent(kind):
                h = _RUN[kind](self._function, h, W, b, activation)
            yield h

    def feedforward_sample(self, h: np.ndarray) -> np.ndarray:
        """Return the network's output for one image.

        Parameters
        ----------
        h : numpy.ndarray, shape [D_y, D_x, C]
            One image.

        Returns
        -------
        numpy.ndarray, shape [K]
            One value per class.

        Raises
        ------
        LayerError, ValueError
            As for `layer_outputs`.
        """
        for output in self.layer_outputs(h):
            h = output
        return h

    def feedforward(self, x: np.ndarray) -> np.ndarray:
        """Return the network's output for many images, one after the other.

        Parameters
        ----------
        x : numpy.ndarray, shape [N, D_y, D_x, C]
            Images.

        Returns
        -------
        numpy.ndarray, shape [N, K]
            One row per image, one column per class.

        Raises
        ------
        ValueError
            If `x` is not a batch of images.
        LayerError
            As for `layer_outputs`.
        """
        x = np.asarray(x)
        if x.ndim != 4 or len(x) == 0:
            raise ValueError(f"x holds images as [N, D_y, D_x, C] with N at least 1; this one has shape {x.shape}.")
        images = _with_progress(x) if self.verbose else x
        return np.stack([self.feedforward_sample(image) for image in images])

    def evaluate(self) -> tuple[float, float, float, float]:
        """Run the network on the training and the test images, and print and return how well it does.

        Returns
        -------
        train_loss, train_accuracy, test_loss, test_accuracy : float
            Mean cross-entropy per image and accuracy in percent, as one's own ``evaluate`` computes them.

        Raises
        ------
        LayerError
            As for `layer_outputs`, and if ``evaluate`` is missing or does not return two numbers.
        ValueError
            If there is no model yet.
        """
        measure = self._function("evaluate")
        results: list[float] = []
        for name, x, y_oh in (
            ("Training", self.dataset.x_train, self.dataset.y_train_oh),
            ("Test", self.dataset.x_test, self.dataset.y_test_oh),
        ):
            result = measure(self.feedforward(x), y_oh)
            try:
                loss, accuracy = (float(value) for value in result)
            except (TypeError, ValueError):
                raise LayerError(
                    f"evaluate must return two numbers, cross-entropy and accuracy; it returned {result!r}."
                ) from None
            if self.verbose:
                print(f"{name + ':':9s} cross-entropy {loss:.4f}, accuracy {accuracy:.2f} %")
            results += [loss, accuracy]
        return tuple(results)

    def _function(self, name: str) -> Callable:
        function = self._functions.get(name)
        if function is None:
            raise LayerError(f"There is no function {name} yet. Run the cell that defines it.")
        if not callable(function):
            raise LayerError(f"{name} is a {type(function).__name__}, not a function. Did a variable take its name?")
        return function


def _silent(kind: str) -> bool:
    """Whether a layer does something in training only: dropout, noise, random augmentation."""
    return kind in _SILENT or kind.startswith("random")


def _convolution(function: Callable, h: np.ndarray, W: np.ndarray, b: np.ndarray, activation: str) -> np.ndarray:
    bias = b if b.size else np.zeros(W.shape[-1], W.dtype)
    return _checked("conv2d_layer", function("conv2d_layer")(h, W, bias, activation), (*h.shape[:2], W.shape[-1]))


def _pooling(function: Callable, h: np.ndarray, W: np.ndarray, b: np.ndarray, activation: str) -> np.ndarray:
    return _checked("pool2d_layer", function("pool2d_layer")(h), (h.shape[0] // 2, h.shape[1] // 2, h.shape[2]))


def _flatten(function: Callable, h: np.ndarray, W: np.ndarray, b: np.ndarray, activation: str) -> np.ndarray:
    return _checked("flatten_layer", function("flatten_layer")(h), (h.size,))


def _dense(function: Callable, h: np.ndarray, W: np.ndarray, b: np.ndarray, activation: str) -> np.ndarray:
    bias = b if b.size else np.zeros((W.shape[0], 1), W.dtype)
    output = function("dense_layer")(h, W, bias, activation)
    # A vector and a column are both right, and the next layer gets a vector in either case.
    return _checked("dense_layer", output, (W.shape[0],), (W.shape[0], 1)).ravel()


def _activation(function: Callable, h: np.ndarray, W: np.ndarray, b: np.ndarray, activation: str) -> np.ndarray:
    return _checked("activation", function("activation")(h, activation), h.shape)


_RUN = {
    "conv2d": _convolution,
    "maxpooling2d": _pooling,
    "flatten": _flatten,
    "dense": _dense,
    "activation": _activation,
}


def _checked(name: str, output: Any, *shapes: tuple[int, ...]) -> np.ndarray:
    """Return what a layer function returned as an array of one of the shapes."""
    if output is None:
        raise LayerError(f"{name} returned None. Does it end with return?")
    array = np.asarray(output)
    if array.shape not in shapes:
        expected = " or ".join(map(str, shapes))
        raise LayerError(f"{name} returned an array of shape {array.shape}; here it should be {expected}.")
    return array


def _with_progress(x: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the images; where that takes long, show the progress."""
    start = shown = time.monotonic()
    for done, image in enumerate(x):
        now = time.monotonic()
        if done and now - shown > PROGRESS_SECONDS:
            shown = now
            left = (now - start) / done * (len(x) - done)
            print(f"\r{done} of {len(x)} images, about {left:.0f} s left   ", end="", flush=True)
        yield image
    if shown > start:
        print(f"\r{len(x)} images in {time.monotonic() - start:.0f} s" + 20 * " ")
