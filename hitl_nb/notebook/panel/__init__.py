"""The ipywidgets panel."""
