#!/usr/bin/env python3
"""Measures auspexd beside VictoriaMetrics, Prometheus and InfluxDB: the same requests to each, one server after another.

For each set: samples a second into an empty database (median of --reps loads, the servers in turn), the server's CPU, its peak
memory, and the bytes on disk after everything was flushed and merged. Set `card` (1,000,000 series) also: what it takes to count
all series, and how long until the server answers again after kill -9.

Prints Markdown. A server that is not installed is left out, and named. Exits with 1 if a request was refused, or auspex lost a
series.

    bench/peers.py --bin build/release/bin
    bench/peers.py --bin build/release/bin --sets cpu --hours 1 --reps 1     # a trial of a minute
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

MIB = 1 << 20

INFLUX_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{port2}"
[meta]
  dir = "{dir}/meta"
[data]
  dir = "{dir}/data"
  wal-dir = "{dir}/wal"
  query-log-enabled = false
  cache-snapshot-write-cold-duration = "5s"
  compact-full-write-cold-duration = "10s"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  max-body-size = 100000000
[logging]
  level = "error"
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(url, method="GET", timeout=600):
    data = b"" if method == "POST" else None
    request = urllib.request.Request(url, method=method, data=data)
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read().decode()


def disk_bytes(path, skip=()):
    total = 0
    for root, folders, files in os.walk(path):
        folders[:] = [f for f in folders if f not in skip]
        for name in files:
            try:
                stat = os.lstat(os.path.join(root, name))
            except OSError:
                continue  # merged away meanwhile
            total += min(stat.st_size, stat.st_blocks * 512)  # holes of preallocated files are not data
    return total


class Server:
    """One server on a free port of 127.0.0.1 with a directory of its own."""

    name = ""
    program = ""
    ready = "/health"
    formats = ("remote-write",)
    skip = ()  # folders that hold caches
    influx_path = "/write"
    write_path = "/api/v1/write"
    query = "/api/v1/query"
    uncached = ""

    def __init__(self, options, work):
        self.options, self.work, self.process, self.port = options, work, None, 0

    def command(self):
        raise NotImplementedError

    def prepare(self):
        pass

    def found(self):
        return shutil.which(self.program) is not None

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def start(self, fresh):
        """Seconds until it answers."""
        if fresh:
            self.dir = os.path.join(self.work, self.name.lower())
            shutil.rmtree(self.dir, ignore_errors=True)
            os.makedirs(self.dir)
            self.port = free_port()
        begin = time.monotonic()
        self.log = open(self.dir + ".log", "ab")
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log)
        while True:
            try:
                call(self.url(self.ready), timeout=5)
                break
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None or time.monotonic() - begin > 300:
                    sys.exit(f"{self.name} did not start: see {self.dir}.log")
                time.sleep(0.02)
        seconds = time.monotonic() - begin
        if fresh:
            self.prepare()
        return seconds

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(300)
        self.process = None
        self.log.close()

    def status(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        with open(f"/proc/{self.process.pid}/status") as file:
            peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak * 1024

    def load(self, dset, fmt, connections, hours):
        """Sends a set; adds what the server used."""
        path = self.influx_path if fmt == "influx" else self.write_path
        before, _ = self.status()
        done = subprocess.run(
            [os.path.join(self.options.bin, "peer_load"), "--port", str(self.port), "--path", path, "--set", dset, "--format", fmt,
             "--connections", str(connections), "--hours", str(hours)]
            + (["--size", str(self.options.size)] if self.options.size else []),
            stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"{self.name}: the load of {dset} failed")
        result = json.loads(done.stdout)
        after, result["peak"] = self.status()
        result["cpu"] = after - before
        return result

    def settled_bytes(self):
        """Bytes on disk once everything is flushed and merged."""
        raise NotImplementedError

    def settled_size(self, idle):
        """Waits until the size has not changed for three seconds and `idle()` holds."""
        last, same = -1, 0
        while same < 3:
            time.sleep(1)
            size = disk_bytes(self.dir, self.skip)
            same = same + 1 if size == last and idle() else 0
            last = size
        return last

    def count_all(self, metric, t):
        """(series counted, median milliseconds of five)"""
        times = []
        for _ in range(5):
            begin = time.monotonic()
            query = urllib.parse.urlencode({"query": f"count({metric})", "time": t})
            answer = json.loads(call(self.url(f"{self.query}?{query}{self.uncached}")))
            times.append(1000 * (time.monotonic() - begin))
        result = answer["data"]["result"]
        return (float(result[0]["value"][1]) if result else 0), statistics.median(times)


class Auspex(Server):
    name, ready, formats, uncached = "auspex", "/-/ready", ("remote-write", "influx"), "&nocache=1"

    def found(self):
        return os.path.exists(os.path.join(self.options.bin, "auspexd"))

    def command(self):
        return [os.path.join(self.options.bin, "auspexd"), "--data-dir", os.path.join(self.dir, "db"), "--listen",
                f"127.0.0.1:{self.port}", "--retention", "0"]

    def settled_bytes(self):
        call(self.url("/api/v1/admin/seal"), "POST")
        return disk_bytes(self.dir)


class VictoriaMetrics(Server):
    name, program, formats, skip = "VictoriaMetrics", "victoria-metrics", ("remote-write", "influx"), ("cache", "tmp")
    uncached = "&nocache=1"

    def command(self):
        return [self.program, f"-storageDataPath={self.dir}", f"-httpListenAddr=127.0.0.1:{self.port}", "-retentionPeriod=100y",
                "-search.maxUniqueTimeseries=5000000", "-search.maxQueryDuration=120s", "-loggerLevel=ERROR"]

    def settled_bytes(self):
        call(self.url("/internal/force_flush"))
        call(self.url("/internal/force_merge"))

        def idle():
            return all(float(line.split()[-1]) == 0 for line in call(self.url("/metrics")).splitlines()
                       if line.startswith("vm_active_merges"))

        return self.settled_size(idle)


class Prometheus(Server):
    name, program, ready, skip = "Prometheus", "prometheus", "/-/ready", ("snapshots",)

    def command(self):
        config = self.dir + ".yml"
        with open(config, "w") as file:
            file.write("global:\n  scrape_interval: 1h\n")
        return [self.program, f"--config.file={config}", f"--storage.tsdb.path={self.dir}",
                f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver", "--web.enable-admin-api",
                "--storage.tsdb.retention.time=100y", "--query.timeout=2m", "--query.max-samples=500000000", "--log.level=error"]

    def settled_bytes(self):
        # Blocks with the head, without the log: what would be left of it after its next compactions.
        name = json.loads(call(self.url("/api/v1/admin/tsdb/snapshot"), "POST"))["data"]["name"]
        size = disk_bytes(os.path.join(self.dir, "snapshots", name))
        shutil.rmtree(os.path.join(self.dir, "snapshots"))
        return size


class InfluxDb(Server):
    name, program, ready, formats = "InfluxDB", "influxd", "/ping", ("influx",)
    influx_path, skip = "/write?db=bench", ("meta",)

    def command(self):
        config = self.dir + ".conf"
        with open(config, "w") as file:
            file.write(INFLUX_CONFIG.format(dir=self.dir, port=self.port, port2=free_port()))
        return [self.program, "-config", config]

    def prepare(self):
        call(self.url("/query?q=CREATE+DATABASE+bench"), "POST")

    def settled_bytes(self):
        return self.settled_size(lambda: disk_bytes(os.path.join(self.dir, "wal")) < 1000)


def table(title, heads, rows):
    print(f"\n### {title}\n\n| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    sys.stdout.flush()


def ratio(value, base):
    return f" ({value / base:.2f}x)" if base else ""


def measure_ingest(servers, dset, fmt, options):
    """Loads into empty databases, the servers in turn so that noise falls on all alike. The size is that of the last load."""
    runs = {server.name: [] for server in servers}
    sizes = {}
    for rep in range(options.reps):
        for server in servers:
            server.start(fresh=True)
            runs[server.name].append(server.load(dset, fmt, options.connections, options.hours))
            if rep + 1 == options.reps:
                sizes[server.name] = server.settled_bytes()
            server.stop()
            shutil.rmtree(server.dir)
    rates = {name: statistics.median(r["samples"] / r["seconds"] for r in own) for name, own in runs.items()}
    samples = next(iter(runs.values()))[0]["samples"]
    base = "VictoriaMetrics" if "VictoriaMetrics" in rates else None
    rows = []
    for server in servers:
        own = runs[server.name]
        per_sample = sizes[server.name] / samples
        rows.append([server.name,
                     f"{rates[server.name] / 1e6:.2f} M" + ratio(rates[server.name], base and rates[base]),
                     f"{statistics.median(1e9 * r['cpu'] / r['samples'] for r in own):.0f}",
                     f"{statistics.median(r['peak'] for r in own) / MIB:.0f}",
                     f"{per_sample:.3f}" + ratio(per_sample, base and sizes[base] / samples)])
    table(f"Set {dset}, {fmt}, {options.connections} connections, {samples / 1e6:.1f} M samples",
          ["server", "samples/s", "server CPU, ns/sample", "peak MiB", "bytes/sample on disk"], rows)


def measure_card(servers, options):
    rows = []
    for server in servers:
        server.start(fresh=True)
        result = server.load("card", "remote-write", options.connections, 0)
        server.stop(signal.SIGKILL)
        ready = server.start(fresh=False)
        counted, milliseconds = server.count_all("card_requests_total", 1793836800 + 90)
        if isinstance(server, Auspex) and counted != result["samples"] / 2:
            sys.exit(f"card: auspex counts {counted:.0f} of {result['samples'] / 2:.0f} series")
        _, peak = server.status()
        server.stop()
        clean = server.start(fresh=False)
        server.stop()
        rows.append([server.name, f"{result['samples'] / result['seconds'] / 1e6:.3f} M", f"{result['peak'] / MIB:.0f}",
                     f"{peak / MIB:.0f}", f"{ready:.1f}", f"{counted:.0f}", f"{clean:.1f}", f"{milliseconds:.0f}"])
        shutil.rmtree(server.dir)
    # After kill -9 a peer may have lost what it had acknowledged: how many series it still counts is in the table.
    table(f"Set card, {result['samples'] // 2} series of 8 labels, two samples each",
          ["server", "samples/s", "peak MiB loading", "peak MiB with queries", "ready s after kill -9", "series counted then",
           "ready s after a clean stop", "count of all series, ms"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of auspexd and peer_load")
    parser.add_argument("--sets", default="cpu,node,card")
    parser.add_argument("--hours", type=float, default=12, help="of samples in cpu and node (12)")
    parser.add_argument("--size", type=int, default=0, help="hosts, targets or series of a set, if not its usual number")
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--reps", type=int, default=3, help="loads of which the median counts (3)")
    parser.add_argument("--without", default="", help="names of servers to leave out, with commas")
    parser.add_argument("--work", help="where databases lie meanwhile; a temporary folder unless given")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    work = options.work or tempfile.mkdtemp(prefix="auspex-peers-")
    servers = [kind(options, work) for kind in (Auspex, VictoriaMetrics, Prometheus, InfluxDb)]
    left_out = options.without.lower().split(",")
    servers = [server for server in servers if server.name.lower() not in left_out]
    for server in servers:
        if not server.found():
            print(f"{server.name} is not installed: left out", file=sys.stderr)
    servers = [server for server in servers if server.found()]
    try:
        for dset in options.sets.split(","):
            if dset == "card":
                measure_card([s for s in servers if "remote-write" in s.formats], options)
                continue
            for fmt in ("remote-write", "influx") if dset == "cpu" else ("remote-write",):
                measure_ingest([s for s in servers if fmt in s.formats], dset, fmt, options)
    finally:
        for server in servers:
            server.stop(signal.SIGKILL)
        if not options.work:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
