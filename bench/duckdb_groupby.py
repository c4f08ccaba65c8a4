#!/usr/bin/env python3
"""double-groupby-all in DuckDB, in process, beside auspexd over HTTP: the same samples, the answers checked equal first.

    npm install --prefix SCRATCH/duckdb @duckdb/node-api
    bench/duckdb_groupby.py --work SCRATCH --scale 0.5

The table is as wide as DuckDB likes it: one row for each host and time, one column for each metric, in memory, on as many
threads as there are processors. `bench/query_peers.py` says what the question is; rounds alternate.
"""
import argparse, csv, json, os, statistics, subprocess, sys, time, types

NODE = r"""
import { DuckDBInstance } from '@duckdb/node-api';
import readline from 'node:readline';
const [csv, fields] = [process.argv[2], process.argv[3].split(',')];
const connection = await (await DuckDBInstance.create(':memory:')).connect();
await connection.run(`CREATE TABLE cpu AS SELECT * FROM read_csv('${csv}', header = true)`);
const means = fields.map((f) => `avg(${f})`).join(', ');
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [begin, end] = line.split(' ');
  const sql = `SELECT (t - ${begin} - 1) // 3600000 AS hour, hostname, ${means} FROM cpu
               WHERE t > ${begin} AND t <= ${end} GROUP BY 1, 2 ORDER BY 1, 2`;
  const at = process.hrtime.bigint();
  const rows = (await connection.runAndReadAll(sql)).getRows();
  const ms = Number(process.hrtime.bigint() - at) / 1e6;
  console.log(JSON.stringify({ ms, rows: rows.map((row) => row.map((v) => typeof v === 'bigint' ? Number(v) : v)) }));
}
process.exit(0);
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--auspexd", default="build/release/bin/auspexd")
    parser.add_argument("--work", required=True, help="directory in which npm has installed @duckdb/node-api under duckdb/")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    a = parser.parse_args()
    source = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "query_peers.py")).read()
    peers = types.ModuleType("query_peers")
    exec(compile(source.rsplit("\nmain()", 1)[0], "query_peers.py", "exec"), peers.__dict__)

    # The same walks as query_peers.py writes, from the same seeds.
    hosts = range(int(100 * a.scale))
    family = peers.families(a.scale)[0]
    count = -(-(peers.T1 - family.first_s) // family.step_s)
    times = [(family.first_s + k * family.step_s + 1) * 1000 for k in range(count)]
    values = [peers.walk(family, i, count) for i in range(len(family.labels))]
    table = os.path.join(a.work, "cpu.csv")
    with open(table, "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(["t", "hostname"] + ["usage_" + name for name in peers.CPU_FIELDS])
        for k, t in enumerate(times):
            for h in hosts:
                out.writerow([t, "host_%d" % h] + ["%d.0" % values[m * len(hosts) + h][k] for m in range(len(peers.CPU_FIELDS))])

    script = os.path.join(a.work, "duckdb", "groupby.mjs")
    with open(script, "w") as f:
        f.write(NODE)
    duck = subprocess.Popen(["node", script, os.path.abspath(table), ",".join("usage_" + name for name in peers.CPU_FIELDS)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask_duck(begin_s, end_s):
        duck.stdin.write("%d %d\n" % (begin_s * 1000, end_s * 1000))
        duck.stdin.flush()
        return json.loads(duck.stdout.readline())

    server = peers.servers(argparse.Namespace(auspexd=a.auspexd, servers="auspex", work=a.work, reuse=False))[0]
    try:
        family = peers.families(a.scale)[0]
        for body, _ in family.bodies(0, peers.T1):
            server.write(peers.snappy(body))
        server.settle()
        question = next(c for c in peers.CLASSES if c.name.startswith("double-groupby-all"))
        # A step of the range query is the end of a window: 24 h before its start the first one begins.
        asked = (question.query, peers.T1 - question.span_s, peers.T1)
        begin = asked[1] - question.step_s
        status, raw = server.connection.ask(server.request(question, asked))
        ours = peers.parsed(raw, status, "auspexd")
        theirs = {}
        for row in ask_duck(begin, peers.T1)["rows"]:
            for name, value in zip(peers.CPU_FIELDS, row[2:]):
                theirs.setdefault((("hostname", row[1]), ("metric", name)), {})[float(begin + 3600 * (int(row[0]) + 1))] = value
        found = peers.difference(ours, theirs, 1e-9)
        if found:
            sys.exit("answers differ: " + found)
        ours_ms, theirs_ms = [], []
        for _ in range(a.rounds):
            theirs_ms.append(ask_duck(begin, peers.T1)["ms"])
            at = time.perf_counter()
            server.connection.ask(server.request(question, asked))
            ours_ms.append((time.perf_counter() - at) * 1000)
        print("double-groupby-all, 24 h, %d hosts, %d points: auspexd over HTTP %.1f ms (least %.1f), DuckDB in process %.1f ms (least %.1f)" %
              (len(hosts), sum(len(points) for points in ours.values()), statistics.median(ours_ms), min(ours_ms),
               statistics.median(theirs_ms), min(theirs_ms)))
    finally:
        duck.stdin.close()
        duck.wait(30)
        server.stop(False)


main()
