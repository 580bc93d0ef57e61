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

CLIENTS, SECONDS, WARM_UP = 50, 120, 30

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


async def idle(address: str, process: psutil.Process) -> float:
    """Memory of the server in MB when it has nothing to do."""
    async with httpx.AsyncClient(base_url=address, timeout=60) as http:
        while True:
            state = (await http.get("/api/health")).json()
            if state["waiting"] + state["running"] == 0:
                await asyncio.sleep(2)
                return process.memory_info().rss / 2**20
            await asyncio.sleep(0.5)


async def load(address: str, clients: int, seconds: float) -> Count:
    """Run all clients; what they saw."""
    end, count = time.monotonic() + seconds, Count()
    await asyncio.gather(*(client(address, number, end, count) for number in range(clients)))
    return count


async def measure(address: str, pid: int, clients: int, seconds: float) -> None:
    """Warm up, run all clients, and print what they saw."""
    process = psutil.Process(pid)
    memory = [await idle(address, process)]
    await load(address, clients, WARM_UP)
    memory.append(await idle(address, process))
    count = await load(address, clients, seconds)
    print(f"{clients} clients, {seconds:.0f} s, {os.cpu_count()} cores, load {os.getloadavg()}")
    print(", ".join(f"{name}: {number}" for name, number in sorted(count.statuses.items())))
    for name, times in count.seconds.items():
        if times:
            middle, most = median(times), max(times)
            print(f"{name}: {len(times)} done, median {middle:.1f} s, most {most:.1f} s")
    memory.append(await idle(address, process))
    print("idle memory in MB: start {:.0f}, after warm-up {:.0f}, end {:.0f}".format(*memory))


def main(clients: int = CLIENTS, seconds: float = SECONDS) -> None:
    words = [sys.executable, "-m", "napari_visual_ccc.cli", "serve", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[0]
        try:
            asyncio.run(measure(address, server.pid, clients, seconds))
        finally:
            server.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
