"""Predictions on tables, out of the box, beside other packages: see `__main__`."""
