"""The side of a peer in Python; the requests are those of ../lib/serve.mjs."""

import json
import os
import resource
import struct
import sys
import time
import traceback

import numpy as np

DTYPES = {"F32": "<f4", "F64": "<f8", "I32": "<i4"}


def read_tensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        flat = np.frombuffer(body[start:end], DTYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"]).copy()
    return tensors


def timed(variant, steps):
    start = time.perf_counter()
    step = variant["step"]
    for _ in range(steps):
        value = step()
    variant["read"](value)
    return time.perf_counter() - start


def pace_of(variant, budget):
    pace = timed(variant, 1)
    if pace > 2:
        return pace
    spent, steps = pace, 1
    while spent < budget:
        seconds = timed(variant, steps)
        pace = seconds / steps
        spent += seconds
        steps = max(1, min(2 * steps, round(budget / 3 / pace)))
    return pace


def fastest(makers):
    if len(makers) == 1:
        return makers[0]
    best, best_pace = makers[0], float("inf")
    for make in makers:
        try:
            pace = pace_of(make(), 0.4)
        except Exception:
            continue
        if pace < best_pace:
            best, best_pace = make, pace
    return best


def peak_bytes():
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def serve(prepare):
    """prepare(task, tensors, threads) → (versions, makers); a maker gives {name, step, read}."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no reply
    variant = None
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if request["op"] == "prepare":
                tensors = read_tensors(request["data"])
                versions, makers = prepare(request["task"], tensors, request["threads"])
                quick = request.get("quick", 0)
                variant = (makers[0] if quick else fastest(makers))()
                values = [variant["read"](variant["step"]()) for _ in range(quick or 1)]
                pace = 0 if quick else pace_of(variant, 0.3)
                reply = {
                    "values": values,
                    "secondsPerStep": pace,
                    "variant": variant["name"],
                    "versions": versions,
                }
            elif request["op"] == "window":
                reply = {"seconds": timed(variant, request["steps"])}
            else:
                reply = {"peakBytes": peak_bytes()}
        except Exception:
            reply = {"error": traceback.format_exc()}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
