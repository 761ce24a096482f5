"""The memory in other frameworks: one module each, imported by who uses that framework; see docs/adapters.md."""
