"""numpy's matrix product, which is the BLAS that is installed."""

import os

import numpy as np

from protocol import serve


def blas_name():
    """The library behind libblas, by the names of what the process has loaded."""
    try:
        with open("/proc/self/maps") as file:
            files = {os.path.basename(line.split()[-1]) for line in file if ".so" in line}
    except OSError:
        return "unknown"
    known = [f for f in files if any(k in f for k in ("openblas", "mkl", "blis", "atlas"))]
    folder = os.path.realpath("/etc/alternatives/libblas.so.3-x86_64-linux-gnu")
    if not known and "openblas" in folder:
        known = ["openblas"]
    return known[0] if known else "reference BLAS: slow, install OpenBLAS"


def prepare(task, tensors, threads):
    a, b = tensors["a"], tensors["b"]

    def make():
        c = np.empty_like(a)
        return {
            "name": "numpy.matmul",
            "step": lambda: np.matmul(a, b, out=c),
            "read": lambda c: float(c[0].sum()),
        }

    return {"numpy": np.__version__, "blas": blas_name()}, [make]


if __name__ == "__main__":
    serve(prepare)
