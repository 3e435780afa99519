"""Execution of chapters by papermill: what runs, what is still good, and what is refused."""
