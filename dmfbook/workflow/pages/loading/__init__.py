"""What a page loads: little, and readable where no script runs."""
