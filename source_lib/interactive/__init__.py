"""The figures to play with: each is computed beforehand and written as HTML."""
