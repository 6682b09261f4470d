"""What every benchmark object says of where it was measured."""

import os
import platform
import resource
import statistics
import tempfile
import time
from pathlib import Path

FSYNCS = 50


def described(database: str | None = None) -> dict[str, object]:
    """`machine`, `fsync_us` and `peak_rss_mb`; call it when the measuring is done."""
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "database": database,
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"machine": machine, "fsync_us": fsync_us(), "peak_rss_mb": round(peak, 1)}


def fsync_us() -> float:
    """The median time in microseconds of writing 4 kB and waiting for the disk."""
    taken = []
    with tempfile.NamedTemporaryFile(dir=Path.cwd()) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return round(statistics.median(taken) * 1e6, 1)
