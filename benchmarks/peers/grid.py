"""What is measured: which tools, on which networks, how often. Needs none of the peers."""

import zlib
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

import dmfbook as dmf

PRECISIONS = ("float64", "float32")
# The largest networks, and densities, take most of the time.
SEEDS = {100: 10, 1_000: 10, 10_000: 10, 100_000: 3}
DENSITY_SEEDS = 3
# Wide inside and narrow outside: the number of parameters grows, that of samples does not.
WIDTHS = {
    100: (6, 5, 5, 6),
    1_000: (12, 22, 22, 12),
    10_000: (16, 85, 85, 16),
    100_000: (16, 300, 300, 16),
}
# A saddle whose negative eigenvalue is the larger in size needs depth 5.
DEEP = {10_000: (16, 55, 55, 55, 55, 16)}

# Name of a family: the maker in dmfbook, its options.
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "zero loss": ("zero_loss_network", {}),
    "minimizer": ("minimizer_network", {}),
    "minimizer on data": ("minimizer_network", {"inputs_condition": 100.0}),
    "saddle": ("saddle_network", {"index": 3}),
    "negative one larger": ("saddle_network", {"dominance": 1.3}),
    "double": ("zero_loss_network", {"leading": 2}),
    "cluster": ("zero_loss_network", {"leading": 3, "spread": 1e-4}),
    "narrow gap": ("zero_loss_network", {"gap": 1e-3}),
    "tiny": ("zero_loss_network", {"largest": 1e-8}),
    "huge": ("zero_loss_network", {"largest": 1e8}),
}
# Sizes of each family at which the largest eigenvalue is asked for, and those of them at which the density is.
SIZES: dict[str, tuple[int, ...]] = dict.fromkeys(FAMILIES, (10_000,)) | {
    "zero loss": (100, 1_000, 10_000, 100_000),
    "minimizer": (1_000, 10_000),
    "minimizer on data": (1_000, 10_000, 100_000),
    "saddle": (100, 1_000, 10_000, 100_000),
}
DENSITY_SIZES = {"zero loss": (1_000, 10_000), "minimizer on data": (1_000,), "saddle": (1_000,)}

EIGENVALUE_TOOLS = (
    ("PyHessian", "defaults"),
    ("PyHessian", "tight"),
    ("hessian-eigenthings Lanczos", "defaults"),
    ("hessian-eigenthings Lanczos", "tight"),
    ("hessian-eigenthings power", "defaults"),
    ("hessian-eigenthings power", "tight"),
    ("curvlinops eigsh", "defaults"),
    ("curvlinops eigsh", "tight"),
    ("torch.func eigsh", "tight"),
    ("torch.func eigsh", "tol 1e-3"),
    ("torch.func lobpcg", "defaults"),
    ("torch.func lobpcg", "tight"),
    ("jax eigsh", "tight"),
    ("jax eigsh", "tol 1e-3"),
    ("jax lobpcg", "defaults"),
    ("matfree Lanczos", "20 steps"),
    ("matfree Lanczos", "100 steps"),
    ("dmfbook", "defaults"),
)
DENSITY_TOOLS = (
    ("PyHessian density", "defaults"),
    ("PyHessian density", "torch.eig supplied"),
    ("hessian-eigenthings density", "defaults"),
    ("curvlinops density", "defaults"),
    ("curvlinops density", "10 repeats"),
    ("matfree quadrature", "10 probes"),
)


@dataclass(frozen=True)
class Network:
    """A network of the grid, and what is asked about it.

    ``tools`` and ``density_tools`` are pairs of a tool's name and its setting. Each seed up to ``seeds`` has runs of the
    former, up to ``density_seeds`` of the latter.
    """

    family: str
    size: int
    widths: tuple[int, ...]
    maker: str
    options: dict[str, Any]
    seeds: int
    density_seeds: int = DENSITY_SEEDS
    tools: tuple[tuple[str, str], ...] = EIGENVALUE_TOOLS
    density_tools: tuple[tuple[str, str], ...] = field(default=())

    def known(self, seed: int) -> dmf.KnownNetwork:
        """The network itself, in bases of this seed; its spectrum does not depend on the seed."""
        rng = np.random.default_rng([seed, self.size, zlib.crc32(self.family.encode())])
        return getattr(dmf, self.maker)(self.widths, rng, **self.options)

    @property
    def asked(self) -> int:
        """How many leading eigenvalues are asked for."""
        return 2 if "leading" in self.options else 1

    def quantities(self, tool: tuple[str, str]) -> tuple[str, ...]:
        """The quantities that one run of a tool gives a row each."""
        if tool in self.density_tools:
            return ("density",)
        return ("largest", "second")[: self.asked]

    def tools_of(self, seed: int) -> tuple[tuple[str, str], ...]:
        """What is run at this seed."""
        of_density = self.density_tools if seed < self.density_seeds else ()
        return (*(self.tools if seed < self.seeds else ()), *of_density)

    def described(self) -> dict[str, Any]:
        """All of it, for the header of the rows."""
        return asdict(self)


def networks() -> list[Network]:
    """The grid, small networks first."""
    found = []
    for family, (maker, options) in FAMILIES.items():
        for size in SIZES[family]:
            found.append(
                Network(
                    family,
                    size,
                    (DEEP if "dominance" in options else WIDTHS)[size],
                    maker,
                    options,
                    SEEDS[size],
                    density_tools=DENSITY_TOOLS if size in DENSITY_SIZES.get(family, ()) else (),
                )
            )
    return sorted(found, key=lambda network: network.size)
