"""The parts of hitl_nb that run inside a notebook: the IPython extension and the ipywidgets panel."""
