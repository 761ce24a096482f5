"""What a history of up to a million turns costs, here and in other systems: `python -m benchmarks.scale`."""
