"""Formulas as pages state them, in a form that claims can evaluate: what is tested is what is read."""
