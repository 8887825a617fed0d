"""The sample class that the demo grades."""

from autograder.checking.sample_class import Sample, SampleClass, edit

SAMPLE_CLASS = SampleClass(samples=())
