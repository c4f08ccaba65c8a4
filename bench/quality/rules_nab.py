#!/usr/bin/python3
"""Rules that PromQL alone can say, on the files of the Numenta Anomaly Benchmark: evaluated at every sample by auspexd and by
VictoriaMetrics from the same text, and scored by `quality` beside anomaly_score, which auspexd is asked over HTTP as well.

    bench/quality/rules_nab.py --nab DIR [--bin build/release/bin] [--victoria /usr/bin/victoria-metrics]
"""
import argparse
import collections
import datetime
import json
import math
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

Z_SCORE = "abs(x - avg_over_time(x[{0}])) / stddev_over_time(x[{0}]) / 3"
RULES = {
    "z-score, 1 h": Z_SCORE.format("1h"),
    "z-score, 1 d": Z_SCORE.format("1d"),
    "z-score, 1 w": Z_SCORE.format("1w"),
    "against a day ago": "abs(avg_over_time(x[15m]) - avg_over_time(x[1h] offset 1d)) / stddev_over_time(x[1d]) / 3",
}
OURS = {"anomaly_score": "anomaly_score(x[365d])"}
POINTS = 10_000  # a query


def read(folder):
    """{file: [(ms, value text)]}; of two rows with one time the newer, rows that go back in time are left out."""
    files = {}
    with open(os.path.join(folder, "windows.json")) as labels:
        names = sorted(json.load(labels))
    for name in names:
        rows = {}
        newest = -math.inf
        with open(os.path.join(folder, "data", name)) as lines:
            next(lines)
            for line in lines:
                text, value = line.strip().split(",")
                moment = datetime.datetime.fromisoformat(text.split(".")[0]).replace(tzinfo=datetime.timezone.utc)
                ms = int(moment.timestamp() * 1000)
                if ms < newest:
                    continue
                newest = ms
                rows[ms] = value
        files[name] = sorted(rows.items())
    return files


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, command, ready):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="rules_nab_")
        words = [word.format(port=self.port, dir=self.folder) for word in command]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                self.get(ready)
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{words[0]} does not answer")

    def get(self, path, data=None):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data=data, timeout=600) as answer:
            return answer.read()

    def load(self, files):
        for name, rows in files.items():
            text = "".join(f'x{{file="{name}"}} {value} {ms}\n' for ms, value in rows)
            self.get("/api/v1/import/prometheus", text.encode())

    def scores(self, rule, name, rows):
        """The rule at each row: 0 where it has no answer."""
        step = rows[1][0] - rows[0][0]
        for (before, _), (after, _) in zip(rows, rows[1:]):
            step = math.gcd(step, after - before)
        found = {}
        expr = rule.replace("x[", f'x{{file="{name}"}}[').replace("(x -", f'(x{{file="{name}"}} -')
        begin, end = rows[0][0], rows[-1][0]
        while begin <= end:
            last = min(end, begin + (POINTS - 1) * step)
            query = {"query": expr, "start": begin / 1000, "end": last / 1000, "step": step / 1000, "nocache": 1}
            answer = json.loads(self.get("/api/v1/query_range?" + urllib.parse.urlencode(query)))
            for series in answer["data"]["result"]:
                for seconds, value in series["values"]:
                    found[round(seconds * 1000)] = float(value)
            begin = last + step
        scores = [found.get(ms, 0.0) for ms, _ in rows]
        return [score if math.isfinite(score) else 0.0 for score in scores]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--nab", required=True)
    options.add_argument("--bin", default="build/release/bin")
    options.add_argument("--victoria", default="/usr/bin/victoria-metrics")
    options = options.parse_args()
    files = read(options.nab)
    servers = {"auspex": ([os.path.join(options.bin, "auspexd"), "--data-dir", "{dir}", "--listen", "127.0.0.1:{port}",
                           "--retention", "0"], "/-/ready", {**RULES, **OURS})}
    if os.path.exists(options.victoria):
        servers["VictoriaMetrics"] = ([options.victoria, "-storageDataPath={dir}", "-httpListenAddr=127.0.0.1:{port}",
                                       "-retentionPeriod=100y"], "/health", RULES)
    table = collections.OrderedDict()
    for server_name, (command, ready, rules) in servers.items():
        server = Server(command, ready)
        try:
            server.load(files)
            if server_name == "VictoriaMetrics":
                server.get("/internal/force_flush")
            for rule_name, rule in rules.items():
                table[f"{rule_name} ({server_name})"] = {name: server.scores(rule, name, rows) for name, rows in files.items()}
        finally:
            server.stop()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as out:
        json.dump(table, out)
        out.flush()
        subprocess.run([os.path.join(options.bin, "quality"), "--nab", options.nab, "--only", "scores", "--scores", out.name],
                       check=True)


if __name__ == "__main__":
    main()
