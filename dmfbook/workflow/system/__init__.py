"""What the rest stands on: files, locks, the environment, and errors in words for people."""
