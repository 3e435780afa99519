"""From sources to pages: parameters, execution by papermill, cache, book and command line.

Nothing here knows any mathematics.
"""
