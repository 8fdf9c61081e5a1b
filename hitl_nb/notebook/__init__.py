"""Faces of hitl_nb inside a notebook: the IPython extension and the ipywidgets panel."""
