"""The sample class that the demo grades."""

from autograder.checking.sample_class import SampleClass

SAMPLE_CLASS = SampleClass(samples=())
