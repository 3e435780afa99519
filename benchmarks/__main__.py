"""Run all benchmarks, each in a process of its own, and print their tables."""

import subprocess
import sys

for name in ("dense_hessian", "hessian_operator", "spectrum", "sharpness"):
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
