"""Evidence in the ipywidgets panel."""
