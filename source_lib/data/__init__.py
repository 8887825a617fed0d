"""The course's data sets, real or as a sample: `DataGenerator` loads, splits and scales them."""

from source_lib.data.data_generator import DataGenerator, dataset_names
from source_lib.data.locations import DatasetError

__all__ = ["DataGenerator", "DatasetError", "dataset_names"]
