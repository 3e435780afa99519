"""Many runs at once, on one machine or many: what is wanted, who does it, what is kept."""
