"""What the chapters and the labs of the course import: data, tools around Keras models, and arithmetic of layers.

Importing this package, or any module of it, imports neither TensorFlow nor Keras; functions that need them do.
"""
