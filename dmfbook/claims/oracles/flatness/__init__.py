"""Searches for the flattest directions, bases, orbits and networks, which know no formula for them."""
