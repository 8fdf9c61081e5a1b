"""The IPython extension: agent cells and magics in a kernel."""
