"""What every benchmark object says of where it was measured."""

import os
import platform
import resource
import statistics
import tempfile
import time
from pathlib import Path

FSYNCS = 50
CPUINFO = Path("/proc/cpuinfo")


def described(database: str | None = None) -> dict[str, object]:
    """`machine`, `fsync_us` and `peak_rss_mb`; call it when the measuring is done."""
    machine = {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "database": database,
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"machine": machine, "fsync_us": fsync_us(), "peak_rss_mb": round(peak, 1)}


def fsync_us() -> float:
    """The median time in microseconds of writing 4 kB and waiting for the disk, where the benches
    have their databases.
    """
    taken = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return round(statistics.median(taken) * 1e6, 1)


def _processor() -> str:
    told = CPUINFO.read_text("utf-8") if CPUINFO.exists() else ""
    models = [line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line]
    return models[0] if models else platform.machine()
