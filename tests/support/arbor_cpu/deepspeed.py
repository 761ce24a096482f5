"""Arbor's trainer imports deepspeed, and uses it under ZeRO-3 only, which our accelerate file does not ask for."""
