"""What layers do to shapes: sizes, receptive fields, parameters and multiply-adds, one by one and through a model."""
