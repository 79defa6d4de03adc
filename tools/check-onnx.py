#!/usr/bin/env python3
"""Checks exported nets with ONNX's own checker and onnxruntime.

    GRADUS_ONNX_EXPORT=/tmp/nets npx vitest run test/onnx/export.test.ts
    pip install onnx onnxruntime && python3 tools/check-onnx.py /tmp/nets

Each net passes the checker with full shape inference, and onnxruntime gives the outputs that the test wrote
beside it, equal to 1e-5.
"""
import glob
import json
import sys

import numpy as np
import onnx
import onnxruntime

failures = 0
for path in sorted(glob.glob(f"{sys.argv[1]}/*.onnx")):
    try:
        onnx.checker.check_model(path, full_check=True)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        worst = 0.0
        for record in glob.glob(f"{path}.*.json"):
            with open(record, encoding="utf8") as file:
                case = json.load(file)
            arrays = [
                np.array(x["data"], dtype=x["dtype"]).reshape(x["shape"]) for x in case["inputs"]
            ]
            names = [x.name for x in session.get_inputs()]
            (found,) = session.run(None, dict(zip(names, arrays)))
            wanted = np.array(case["output"]["data"]).reshape(case["output"]["shape"])
            assert found.shape == wanted.shape, f"{found.shape} is not {wanted.shape}"
            scale = max(1.0, float(np.abs(wanted).max()))
            worst = max(worst, float(np.abs(found - wanted).max()) / scale)
        assert worst < 1e-5, f"outputs differ by {worst}"
        print(f"{path}: {worst:.1e}")
    except Exception as error:  # each net is judged on its own
        failures += 1
        print(f"{path}: {error}")
sys.exit(1 if failures else 0)
