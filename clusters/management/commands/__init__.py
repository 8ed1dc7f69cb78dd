"""One module for each `manage.py` verb."""
