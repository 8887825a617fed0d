"""Networks that were trained before: what transfer begins with, whether or not there is a network connection."""

from source_lib.pretrained.backbone import Backbone, load_backbone
from source_lib.pretrained.torch_file import WeightsError

__all__ = ["Backbone", "WeightsError", "load_backbone"]
