"""Products of factors, and any loss of the product: value, gradient, Hessian."""
