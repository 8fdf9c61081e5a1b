"""The ipywidgets panel, for front ends without the JupyterLab extension."""
