"""Functions of the REST calls, one module per topic. `server/api/routes.py` is the table of all calls."""
