"""Many clients at once on the web page: ``python -m benchmarks.serve [clients] [seconds]``.

Starts the server as a user does, and clients that each send one image after the other to be
classified, explained or segmented. A client that is refused with 503 waits as Retry-After says.
Any other answer than 200 and 503 with Retry-After is an error. Memory is that of the server.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from statistics import median

import httpx
import psutil

from napari_visual_ccc import samples

CLIENTS, SECONDS, WARM_UP = 50, 120, 40

JOBS = ("classify", "explain", "threshold", "kmeans")


class Count:
    """What the clients saw."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {name: [] for name in JOBS}


async def client(address: str, number: int, end: float, count: Count) -> None:
    """Send images until the end."""
    image = (samples.FOLDER / "nanoparticles.png").read_bytes()
    async with httpx.AsyncClient(base_url=address, timeout=120) as http:
        turn = number
        while time.monotonic() < end:
            job = JOBS[turn % len(JOBS)]
            start = time.monotonic()
            try:
                answer = await http.post(f"/api/{job}", files={"file": ("a.png", image)})
            except httpx.HTTPError as error:
                count.statuses[type(error).__name__] += 1
                continue
            wait = answer.headers.get("retry-after")
            name = str(answer.status_code) + (" with Retry-After" if wait else "")
            count.statuses[name] += 1
            if answer.status_code == 200:
                count.seconds[job].append(time.monotonic() - start)
                turn += 1
            await asyncio.sleep(min(float(wait or 0), max(0.0, end - time.monotonic())))


async def watch(process: psutil.Process, end: float) -> list[tuple[float, float]]:
    """Memory of the server in MB, every two seconds."""
    start, seen = time.monotonic(), []
    while time.monotonic() < end:
        seen.append((time.monotonic() - start, process.memory_info().rss / 2**20))
        await asyncio.sleep(2)
    return seen


async def load(address: str, pid: int, clients: int, seconds: float) -> None:
    """Run all clients, and print what they saw."""
    end, count = time.monotonic() + seconds, Count()
    everyone = [client(address, number, end, count) for number in range(clients)]
    memory, *_ = await asyncio.gather(watch(psutil.Process(pid), end), *everyone)
    warm = min(WARM_UP, seconds / 2)
    at = next(size for when, size in memory if when >= warm)
    late = [size for when, size in memory if when >= warm]
    print(f"{clients} clients, {seconds:.0f} s, {os.cpu_count()} cores, load {os.getloadavg()}")
    print(", ".join(f"{name}: {number}" for name, number in sorted(count.statuses.items())))
    for name, times in count.seconds.items():
        if times:
            print(
                f"{name}: {len(times)} done, median {median(times):.1f} s, most {max(times):.1f} s"
            )
    print(f"memory in MB: start {memory[0][1]:.0f}, after {warm:.0f} s {at:.0f}, "
          f"end {memory[-1][1]:.0f}, most {max(late):.0f}")  # fmt: skip


def main(clients: int = CLIENTS, seconds: float = SECONDS) -> None:
    words = [sys.executable, "-m", "napari_visual_ccc.cli", "serve", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[0]
        try:
            asyncio.run(load(address, server.pid, clients, seconds))
        finally:
            server.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
