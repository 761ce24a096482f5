"""The part of vLLM that moves weights from the trainer to the server, over a socket of this machine."""
