"""Whether dates are found and resolved, sentence by sentence and in evidence: `python -m benchmarks.temporal`."""
