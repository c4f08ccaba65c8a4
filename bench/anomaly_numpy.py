#!/usr/bin/python3
"""The job of anomaly_query_bench's BM_AnomalyScore_Week in numpy and pandas: a score for each minute of a week of 1,000 series
from the day before it. Robust (median and MAD) and plain z-score; neither knows a season, a jump or a lasting change.
Given the folder of anomaly_query_bench it runs that first, so that both stand side by side. Needs python3-numpy and
python3-pandas; only this comparison does.

    bench/anomaly_numpy.py build/release/bin
"""
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd

SERIES = 1000
DAYS, DAY = 9, 1440


def make(series):
    random = np.random.default_rng(1)
    minute = np.arange(DAYS * DAY)[:, None] + np.arange(series)[None, :]
    x = 200 - 80 * np.cos(2 * np.pi * (minute % DAY) / DAY)
    x += np.round(random.normal(0, 5, x.shape) * 8) / 8
    x[7 * DAY, -1] += 300
    return pd.DataFrame(x)


def z_score(frame):
    rolling = frame.rolling(DAY)
    return ((frame - rolling.mean()).abs() / rolling.std() / 3).iloc[2 * DAY:]


def robust_score(frame):
    median = frame.rolling(DAY).median()
    deviation = (frame - median).abs()
    return (deviation / (1.4826 * deviation.rolling(DAY).median()) / 3).iloc[2 * DAY:]


def main():
    if len(sys.argv) > 1:
        subprocess.run([os.path.join(sys.argv[1], "anomaly_query_bench")], check=True)
    frame = make(SERIES)
    for name, score in (("z-score", z_score), ("median and MAD", robust_score)):
        # A rolling median costs a hundred times as much: fewer series, scaled.
        part = frame if name == "z-score" else frame.iloc[:, -max(1, SERIES // 20):]
        begin = time.process_time()
        scores = score(part)
        seconds = (time.process_time() - begin) * frame.shape[1] / part.shape[1]
        assert scores.shape[0] == 7 * DAY and scores.notna().all().all()
        print(f"numpy and pandas, {name}: {seconds:.1f} s for {SERIES} series, {SERIES * 7 * DAY / seconds / 1e6:.2f} M scores/s, "
              f"{(scores > 1).to_numpy().sum()} alarms, "
              f"the spike is {'found' if scores.iloc[5 * DAY, -1] > 1 else 'not found'}")


if __name__ == "__main__":
    main()
