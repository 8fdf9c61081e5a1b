"""The panel of ipywidgets to decide proposals, for front ends without the JupyterLab extension."""
