"""The figures to play with, written as HTML, and the file in which a network of one's own is taken to one of them."""

from source_lib.interactive.network_file import export

__all__ = ["export"]
