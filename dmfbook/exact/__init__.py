"""Statements without a tolerance: rational points, characteristic polynomials, certificates.

Needs python-flint, an extra of its own: ``pip install '.[exact]'``. Nothing else of the package does.
"""

try:
    import flint  # noqa: F401
except ImportError:
    raise ImportError(
        "dmfbook.exact needs python-flint; install it with: pip install '.[exact]', in the folder that"
        " holds pyproject.toml"
    ) from None

from dmfbook.exact.certificates import NotCertified, certify, certify_book, labels, whole
from dmfbook.exact.measures import hessian
from dmfbook.exact.points import RationalPoint, critical_point, fitted_point

__all__ = [
    "NotCertified",
    "RationalPoint",
    "certify",
    "certify_book",
    "critical_point",
    "fitted_point",
    "hessian",
    "labels",
    "whole",
]
