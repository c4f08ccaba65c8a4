#!/usr/bin/env python3
"""Query latency side by side: auspexd, victoria-metrics and prometheus on 127.0.0.1, the same data, the same queries.

Standard library only. Starts the servers, loads them by remote write, checks that their answers are equal, then asks in
interleaved rounds (each question of each server right after the other, in turning order, with result caches off) and
prints medians and ratios. `bench/README.md` has the command.
"""
import argparse, json, math, os, random, re, shutil, signal, socket, statistics, struct, subprocess, sys, time, urllib.parse

T0 = 1735689600  # 2025-01-01T00:00:00Z: the first of 30 days
DAY = 86400
T1 = T0 + 30 * DAY
CPU_FIELDS = ["user", "system", "idle", "nice", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"]
BOUNDS = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"]
VALUES = "label_replace(max(max_over_time(cpu_usage_%s{hostname=~\"{H8}\"}[1m])), \"metric\", \"%s\", \"\", \"\")"
MEANS = "label_replace(avg by (hostname) (avg_over_time(cpu_usage_%s[1h])), \"metric\", \"%s\", \"\", \"\")"


class Class:
    """A question. span_s 0: at one time, else over as long; ends within the last `within` seconds of the data, `before`
    them: where ranges of Prometheus 2 would have a sample on their left edge, which ours leave out as Prometheus 3 does.
    rate: the answers of VictoriaMetrics differ by its definition of rate(); they must be near instead."""

    def __init__(self, name, query, span_s=0, step_s=0, rate=False, count_only=False, cached=False, within=6 * 3600, rounds=15,
                 before=0):
        self.name, self.query, self.span_s, self.step_s, self.rate = name, query, span_s, step_s, rate
        self.count_only, self.cached, self.within, self.rounds, self.before = count_only, cached, within, rounds, before


CLASSES = [
    Class("one metric, one host, 1 h", 'max(max_over_time(cpu_usage_user{hostname="{H}"}[1m]))', 3600, 60, rounds=200),
    Class("raw panel, one series, 1 h", 'cpu_usage_user{hostname="{H}"}', 3600, 60, rounds=200),
    Class("instant, one series", 'cpu_usage_user{hostname="{H}"}', rounds=200),
    Class("5 metrics, 8 hosts, 1 h", " or ".join(VALUES % (f, f) for f in CPU_FIELDS[:5]), 3600, 60, rounds=60),
    Class("double-groupby-all, 24 h", " or ".join(MEANS % (f, f) for f in CPU_FIELDS), 24 * 3600, 3600, within=1),
    Class("threshold, all hosts, 12 h", "max_over_time(cpu_usage_user[1m]) > 90", 12 * 3600, 60),
    Class("last point of all hosts", 'last_over_time({__name__=~"cpu_.*"}[10m])', rounds=40),
    Class("sum by (job) (rate), 2000 series, 24 h", "sum by (job) (rate(http_requests_total[5m]))", 24 * 3600, 60, rate=True,
          within=1, rounds=7),
    Class("topk(10, rate), 6 h", "topk(10, rate(http_requests_total[5m]))", 6 * 3600, 300, count_only=True),
    Class("histogram_quantile, 500 x 12, 1 h", "histogram_quantile(0.99, rate(latency_seconds_bucket[5m]))", 3300, 60, rate=True,
          within=1),
    Class("quantile_over_time, 24 h", "quantile_over_time(0.95, cpu_usage_user[1h])", 22 * 3600, 900, within=1),
    Class("regex, prefix, 100,000 series", 'count(card_up{pod=~"app-{A}-.+"})', within=300, rounds=40),
    Class("regex, infix, 100,000 series", 'count(card_up{pod=~".+-0{A}[0-9].*"})', within=300, rounds=40),
    Class("instant, count of all series", 'count({__name__=~".+"})', within=300),
    Class("instant, count by name", 'count by (__name__) ({__name__!=""})', within=300),
    Class("instant, 100,000 rows", "card_up", within=300, rounds=7),
    Class("avg_over_time, 30 d at 1 h", "avg_over_time(long_gauge[1h])", 29 * DAY, 3600, within=1, rounds=9),
    Class("max_over_time, 30 d at 1 h", "max_over_time(long_gauge[1h])", 29 * DAY, 3600, within=1, rounds=9),
    Class("increase, 30 d at 1 d", "increase(long_requests_total[1d])", 29 * DAY, DAY, rate=True, within=1, rounds=9),
    Class("[7d:5m] subquery", "max_over_time(rate(long_requests_total[5m])[7d:5m])", 6 * 3600, 3600, count_only=True, within=1,
          rounds=9, before=97),
    Class("refresh, shifted by a step", "sum by (job) (rate(http_requests_total[5m]))", 22 * 3600, 60, rate=True, cached=True,
          rounds=40),
]


# ---- data -------------------------------------------------------------------------------------------------------------

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def label_bytes(labels):
    out = b""
    for name, value in sorted(labels.items()):
        n, v = name.encode(), value.encode()
        pair = b"\x0a" + varint(len(n)) + n + b"\x12" + varint(len(v)) + v
        out += b"\x0a" + varint(len(pair)) + pair
    return out


class Family:
    """Series that are sampled together: at first_s + k * step_s, one second past, until T1."""

    def __init__(self, series, first_s, step_s, value):
        self.labels = [label_bytes(s) for s in series]
        self.first_s, self.step_s = first_s, step_s
        self.value = value  # of (state of the series, samples to make) -> list
        self.states = [random.Random(i) for i in range(len(series))]
        self.last = [None] * len(series)

    def bodies(self, begin_s, end_s):
        """Remote-write requests with the samples of [begin_s, end_s)."""
        k0 = max(0, -(-(begin_s - self.first_s) // self.step_s))
        times = [self.first_s + k * self.step_s for k in range(k0, max(k0, -(-(end_s - self.first_s) // self.step_s)))]
        times = [t for t in times if t < T1]
        if not times:
            return
        # {1: value, 2: time} as a field of 16 bytes: one struct for all samples of a series.
        pack = struct.Struct("<" + "3sd7s" * len(times)).pack
        parts = [x for t in times for x in (b"\x12\x10\x09", 0.0, b"\x10" + varint((t + 1) * 1000))]
        body, size = [], 0
        for i, labels in enumerate(self.labels):
            parts[1::3] = self.value(self, i, len(times))
            one = labels + pack(*parts)
            body += [b"\x0a", varint(len(one)), one]
            size += len(one)
            if size > 4_000_000:
                yield b"".join(body), len(body) // 3 * len(times)
                body, size = [], 0
        if body:
            yield b"".join(body), len(body) // 3 * len(times)


def walk(family, i, count):
    rng, x = family.states[i], family.last[i]
    if x is None:
        x = rng.randint(0, 100)
    out = []
    for step in rng.choices((-2, -1, 0, 1, 2), k=count):
        x = min(100, max(0, x + step))
        out.append(x)
    family.last[i] = x
    return out


def hundredths(family, i, count):
    return [20 + v / 4 + 0.01 * (k % 7) for k, v in enumerate(walk(family, i, count))]


def counter(family, i, count):
    rng, x = family.states[i], family.last[i]
    x = x if x is not None else rng.randint(0, 10000)
    out = []
    for step in rng.choices(range(4000 + 7 * i, 6000 + 7 * i), k=count):
        x += step
        if x > 200_000_000:
            x = step
        out.append(x)
    family.last[i] = x
    return out


def bucket(family, i, count):
    rng, x = family.states[i // 12], family.last[i] or 0
    le = i % 12
    out = []
    for _ in range(count):
        x += 1 + le * 3
        out.append(x)
    family.last[i] = x
    return out


def constant(family, i, count):
    return [float(i)] * count


def families(scale):
    hosts = range(int(100 * scale))
    cpu = [{"__name__": "cpu_usage_" + f, "hostname": "host_%d" % h, "region": "eu-%d" % (h % 3), "os": "Debian12", "rack": str(h % 20)}
           for f in CPU_FIELDS for h in hosts]
    http = [{"__name__": "http_requests_total", "job": "job-%d" % (i % 10), "instance": "10.0.0.%d:80" % (i // 10 % 40),
             "code": str(200 + i // 400), "path": "/p/%d" % i} for i in range(int(2000 * scale))]
    buckets = [{"__name__": "latency_seconds_bucket", "handler": "/h/%d" % h, "job": "api", "le": le}
               for h in range(int(500 * scale)) for le in BOUNDS]
    card = [{"__name__": "card_up", "app": "app-%d" % (i % 500), "pod": "app-%d-%05x-%04d" % (i % 500, i * 2654435761 % 1048576, i // 10),
             "namespace": "ns-%d" % (i % 50), "node": "node-%d" % (i % 300), "zone": "z%d" % (i % 3)}
            for i in range(int(100_000 * scale))]
    gauges = [{"__name__": "long_gauge", "instance": "i-%d" % i, "job": "node"} for i in range(int(100 * scale))]
    totals = [{"__name__": "long_requests_total", "instance": "i-%d" % i, "job": "node"} for i in range(int(50 * scale))]
    return [Family(cpu, T1 - DAY - 3600, 10, walk), Family(http, T1 - DAY - 3600, 15, counter),
            Family(buckets, T1 - 2 * 3600, 15, bucket), Family(card, T1 - 600, 60, constant),
            Family(gauges, T0, 60, hundredths), Family(totals, T0, 60, counter)]


def snappy(body):
    """As one literal: the format allows it, and compressing is not what is measured."""
    return varint(len(body)) + b"\xfc" + struct.pack("<I", len(body) - 1) + body


# ---- servers ----------------------------------------------------------------------------------------------------------

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Connection:
    """Keep-alive HTTP over a plain socket: as little of our own time in the figures as can be."""

    def __init__(self, port):
        self.port, self.sock = port, None

    def ask(self, head, body=b""):
        for attempt in (0, 1):
            if self.sock is None:
                self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=600)
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.sock.sendall(head + body)
                return self.answer()
            except (ConnectionError, ValueError):
                self.sock.close()
                self.sock = None
                if attempt:
                    raise

    def answer(self):
        got = bytearray(self.sock.recv(1 << 20))
        while (end := got.find(b"\r\n\r\n")) < 0:
            more = self.sock.recv(1 << 20)
            if not more:
                raise ValueError("closed")
            got += more
        head = bytes(got[:end]).decode("latin-1")
        status = int(head[9:12])
        length = re.search(r"(?i)\r\ncontent-length: *(\d+)", head)
        if length:
            need = end + 4 + int(length.group(1))
            while len(got) < need:
                got += self.sock.recv(1 << 20)
            return status, bytes(got[end + 4:])
        if status == 204:
            return status, b""
        while not got.endswith(b"\r\n0\r\n\r\n"):
            got += self.sock.recv(1 << 20)
        return status, got[end + 4:]


def dechunk(raw):
    if raw[:1] in (b"{", b"["):
        return bytes(raw)
    out, at = [], 0
    while True:
        eol = raw.index(b"\r\n", at)
        size = int(raw[at:eol], 16)
        if size == 0:
            return b"".join(out)
        out.append(bytes(raw[eol + 2:eol + 2 + size]))
        at = eol + 4 + size


class Server:
    def __init__(self, name, command, ready, settle, work, reuse, nocache):
        self.name, self.port, self.ready, self.settle_calls, self.nocache = name, free_port(), ready, settle, nocache
        self.dir = os.path.join(work, name)
        if not reuse:
            shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir, exist_ok=True)
        with open(self.dir + "/prom.yml", "w") as f:
            f.write("global:\n  scrape_interval: 15s\n")
        self.log = open(self.dir + "/log", "wb")
        self.process = subprocess.Popen([x.format(dir=self.dir, port=self.port) for x in command], stdout=self.log, stderr=self.log)
        self.connection = Connection(self.port)
        for _ in range(600):
            try:
                if self.get(self.ready)[0] == 200:
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.05)
        sys.exit("%s does not start: see %s" % (name, self.dir + "/log"))

    def get(self, path, method="GET"):
        return self.connection.ask(("%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 0\r\n\r\n" % (method, path, self.port)).encode())

    def write(self, body):
        status, text = self.connection.ask(
            ("POST /api/v1/write HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n"
             "X-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: %d\r\n\r\n" % (self.port, len(body))).encode(), body)
        if status // 100 != 2:
            sys.exit("%s refuses a write: %d %s" % (self.name, status, bytes(text[:300])))

    def settle(self):
        for method, path in self.settle_calls:
            status, text = self.get(path, method)
            if status // 100 != 2:
                print("%s: %s: %d %s" % (self.name, path, status, bytes(text[:200])))

    def request(self, question, asked):
        query, start, end = asked
        p = {"query": query}
        if question.span_s:
            p.update(start=start, end=end, step=question.step_s)
        else:
            p["time"] = end
        if self.nocache and not question.cached:
            p["nocache"] = 1
        path = "/api/v1/query_range" if question.span_s else "/api/v1/query"
        return ("GET %s?%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (path, urllib.parse.urlencode(p), self.port)).encode()

    def cpu_s(self):
        fields = open("/proc/%d/stat" % self.process.pid).read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, keep):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)


def servers(a):
    known = {
        "auspex": lambda: Server("auspex", [a.auspexd, "--data-dir", "{dir}/d", "--listen", "127.0.0.1:{port}", "--retention", "0",
                                            "--query.max-samples", "500000000"], "/-/ready", [("POST", "/api/v1/admin/seal")], a.work, a.reuse, True),
        "vm": lambda: Server("vm", ["victoria-metrics", "-storageDataPath={dir}/d", "-httpListenAddr=127.0.0.1:{port}",
                                    "-retentionPeriod=100y", "-search.maxUniqueTimeseries=5000000", "-loggerLevel=ERROR",
                                    "-search.maxQueryDuration=120s"], "/health",
                             [("GET", "/internal/force_flush"), ("GET", "/internal/force_merge"), ("GET", "/internal/force_flush")], a.work, a.reuse, True),
        "prom": lambda: Server("prom", ["prometheus", "--config.file={dir}/prom.yml", "--storage.tsdb.path={dir}/d",
                                        "--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
                                        "--storage.tsdb.retention.time=100y", "--query.max-samples=500000000", "--log.level=error"],
                               "/-/ready", [], a.work, a.reuse, False),
    }
    return [known[name]() for name in a.servers.split(",")]


def load(peers, scale):
    count, began = 0, time.time()
    spent = dict.fromkeys(peers, 0.0)
    all_families = families(scale)
    # Prometheus takes what is at most an hour older than the newest: all families together, half an hour at a time.
    for begin in range(T0, T1, 1800):
        for family in all_families:
            for body, samples in family.bodies(begin, begin + 1800):
                packed = snappy(body)
                count += samples
                for peer in peers:
                    at = time.time()
                    peer.write(packed)
                    spent[peer] += time.time() - at
    print("%.1f M samples, %d series in %.0f s; waited for " % (count / 1e6, sum(len(f.labels) for f in all_families), time.time() - began) +
          ", ".join("%s %.0f s" % (p.name, spent[p]) for p in peers), flush=True)
    for peer in peers:
        peer.settle()
    time.sleep(3)  # VictoriaMetrics' search sees new series after a second


# ---- answers ----------------------------------------------------------------------------------------------------------

def parsed(raw, status, who):
    text = dechunk(raw)
    if status != 200:
        sys.exit("%s answers %d: %s" % (who, status, text[:500]))
    out = {}
    for s in json.loads(text)["data"]["result"]:
        points = s["values"] if "values" in s else [s["value"]]
        out[tuple(sorted(s["metric"].items()))] = {float(t): float(v) for t, v in points}
    return out


def difference(a, b, rel):
    """None, or what is not equal."""
    if a.keys() != b.keys():
        return "%d series against %d, first only in one: %s" % (len(a), len(b), sorted(a.keys() ^ b.keys())[:1])
    for key in a:
        if a[key].keys() != b[key].keys():
            return "%s: %d points against %d" % (key, len(a[key]), len(b[key]))
        for t, v in a[key].items():
            w = b[key][t]
            if not (v == w or (math.isnan(v) and math.isnan(w)) or abs(v - w) <= rel * max(abs(v), abs(w))):
                return "%s at %s: %r against %r" % (key, t, v, w)
    return None


def nameless(answer):
    return {tuple(pair for pair in key if pair[0] != "__name__"): points for key, points in answer.items()} if len(
        {dict(key).get("__name__") for key in answer}) == 1 else answer


def check(question, asked, peers):
    answers = {}
    for peer in peers:
        status, raw = peer.connection.ask(peer.request(question, asked))
        answers[peer.name] = parsed(raw, status, "%s, %s" % (question.name, peer.name))
    ours = answers[peers[0].name]
    notes, wrong = [], False
    for name, theirs in list(answers.items())[1:]:
        ours_then = ours
        loose = name == "vm" and (question.rate or question.count_only)
        if loose and question.count_only:
            found = None if theirs else "empty"
        else:
            if name == "vm" and "_over_time" in question.query:  # where it keeps the metric name
                ours_then, theirs = nameless(ours), nameless(theirs)
            found = difference(ours_then, theirs, 0.1 if loose else 1e-9)
        if found:
            notes.append("%s: %s" % (name, found))
            wrong = wrong or not loose
    points = sum(len(v) for v in ours.values())
    if points == 0:
        notes.append("empty")
        wrong = True
    return len(ours), points, notes, wrong


def draw(question, rng, scale):
    """The query with a random host and time."""
    hosts = max(8, int(100 * scale))
    query = question.query.replace("{H8}", "|".join("host_%d" % h for h in sorted(rng.sample(range(hosts), 8))))
    query = query.replace("{H}", "host_%d" % rng.randrange(hosts)).replace("{A}", str(rng.randrange(10, 99)))
    end = T1 - question.before - 60 * rng.randrange(0, max(1, question.within // 60))
    return query, end - question.span_s, end


def measure(question, peers, rng, scale, rounds):
    asked = draw(question, rng, scale)
    result = dict(name=question.name, ms={}, cpu_ms={})
    result["series"], result["points"], result["notes"], result["wrong"] = check(question, asked, peers)
    times = {p: [] for p in peers}
    cpu = {p: 0.0 for p in peers}
    end = T1 - 3600
    first = {}
    for i in range(rounds + 1):
        if question.cached:
            asked = (question.query, end - question.span_s, end)
            end += question.step_s
        else:
            asked = draw(question, rng, scale)
        for k in range(len(peers)):
            peer = peers[(i + k) % len(peers)]
            request = peer.request(question, asked)
            cpu_before = peer.cpu_s()
            at = time.perf_counter()
            status, _ = peer.connection.ask(request)
            took = (time.perf_counter() - at) * 1000
            if status != 200:
                sys.exit("%s: %s answers %d" % (question.name, peer.name, status))
            if i == 0:
                first[peer] = took
            else:
                times[peer].append(took)
                cpu[peer] += peer.cpu_s() - cpu_before
    for p in peers:
        result["ms"][p.name] = statistics.median(times[p])
        result["cpu_ms"][p.name] = cpu[p] * 1000 / rounds
    if question.cached:
        result["notes"].append("first: " + ", ".join("%s %.1f ms" % (p.name, first[p]) for p in peers))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--auspexd", default="build/release/bin/auspexd")
    parser.add_argument("--servers", default="auspex,vm,prom", help="the first is compared with the others")
    parser.add_argument("--work", required=True, help="directory for the databases; they are removed at the end")
    parser.add_argument("--scale", type=float, default=1, help="share of the series")
    parser.add_argument("--only", default="", help="regular expression: classes to ask")
    parser.add_argument("--rounds", type=float, default=1, help="factor of the number of rounds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="file for the results")
    parser.add_argument("--keep", action="store_true", help="leave the databases where they are")
    parser.add_argument("--reuse", action="store_true", help="take the databases that --keep left")
    a = parser.parse_args()
    os.makedirs(a.work, exist_ok=True)
    peers = servers(a)
    failed = False
    try:
        if not a.reuse:
            load(peers, a.scale)
        results = []
        print("\n| class | series, points | " + " | ".join(p.name + " ms" for p in peers) + " | " +
              " | ".join("of " + p.name for p in peers[1:]) + " | CPU ms: " + ", ".join(p.name for p in peers) + " |")
        print("|---|---|" + "---|" * (2 * len(peers)))
        for question in CLASSES:
            if a.only and not re.search(a.only, question.name):
                continue
            rng = random.Random("%d %s" % (a.seed, question.name))
            r = measure(question, peers, rng, a.scale, max(3, int(question.rounds * a.rounds)))
            results.append(r)
            failed = failed or r["wrong"]
            ms = r["ms"]
            print("| %s | %d, %d | " % (r["name"], r["series"], r["points"]) + " | ".join("%.3g" % ms[p.name] for p in peers) + " | " +
                  " | ".join("%.2f" % (ms[peers[0].name] / ms[p.name]) for p in peers[1:]) + " | " +
                  ", ".join("%.3g" % r["cpu_ms"][p.name] for p in peers) + " |" + ("  <!-- %s -->" % "; ".join(r["notes"]) if r["notes"] else ""),
                  flush=True)
        if a.json:
            with open(a.json, "w") as f:
                json.dump(results, f, indent=1)
    finally:
        for peer in peers:
            peer.stop(a.keep or a.reuse)
    sys.exit("answers differ: see the notes" if failed else 0)


main()
