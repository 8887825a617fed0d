"""The course's own answers to compare with. Each hands its work to Keras.

Networks are told by what they do (see `measuring`), and models cross as recipes (see `recipes`), so that every answer
is one array of numbers.
"""

from __future__ import annotations

from autograder.labs.lab5 import looking, measuring, models, recipes


def build_baseline():
    """Return the numbers of the network with 390,410 parameters."""
    return measuring.chain(recipes.plain(models.BASELINE), models.FEATURES)


def build_wide_and_deep(shape_a, shape_b):
    """Return the numbers of the network with two inputs and two outputs.

    Parameters
    ----------
    shape_a, shape_b : sequence of int
    """
    return measuring.branches(models.wired((shape_a, shape_b), models.WIDE_AND_DEEP))


def build_transfer(recipe, seed, unfreeze, classes):
    """Return the numbers of a backbone with a new head.

    Parameters
    ----------
    recipe : str
    seed : int
        Of the backbone.
    unfreeze : str
        The first layer that is trainable; empty where none is.
    classes : int
    """
    return transferred(recipe, seed, unfreeze, classes)


def transferred(recipe, seed, unfreeze, classes, **mistakes):
    """Return the numbers of a backbone with a new head, or with a mistake of `models.standing`."""
    model = models.standing(backbone_of(recipe, seed), unfreeze or None, classes, **mistakes)
    return measuring.on_backbone(model, model.get_weights(), backbone_of(recipe, seed))


def backbone_of(recipe, seed):
    """Return a network as far as its maps go: what a recipe says before it takes the average over all places."""
    import keras

    whole = recipes.build(recipe, seed)
    return keras.Model(whole.inputs, whole.get_layer("gap1").input)


def preprocess(images, side, offset, scale):
    """Return images as a pretrained network takes them.

    Parameters
    ----------
    images : array [N, D_y, D_x, 3]
        From -1 to 1.
    side : int
    offset, scale : float
    """
    return looking.prepared(images, side, offset, scale)


def activations(recipe, seed, layer, image):
    """Return what a layer gives for one image.

    Parameters
    ----------
    recipe, seed
        Of the model.
    layer : str
    image : array [D_y, D_x, C]
    """
    return looking.maps_of(recipe, seed, layer, image)


def grad_cam(recipe, seed, layer, image, k):
    """Return where a layer speaks for a class, from 0 to 1.

    Parameters
    ----------
    recipe, seed
        Of the model.
    layer : str
    image : array [D_y, D_x, C]
    k : int
    """
    return looking.cam(recipe, seed, layer, image, k)


def overlay(image, heat):
    """Return an image with a heat map over it in red.

    Parameters
    ----------
    image : array [D_y, D_x, 3], [D_y, D_x, 1] or [D_y, D_x]
        From 0 to 1.
    heat : array [H, W]
        From 0 to 1.
    """
    return looking.shown(image, heat)
