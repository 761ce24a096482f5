"""In the place of Arbor's vLLM server: the same routes over transformers, on the CPU.

The trainer announces each weight by `/update_named_param` and then broadcasts it, one after the other; so the next
array that comes through the connection is the oldest one announced.
"""

from __future__ import annotations

import argparse
import queue
import threading
import time
from multiprocessing.connection import Listener
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI, Request
from transformers import AutoModelForCausalLM, AutoTokenizer

app = FastAPI()
announced: queue.Queue[str] = queue.Queue()
lock = threading.Lock()  # the weights do not change under a generation


def load(path: str) -> None:
    app.state.path = path
    app.state.tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left")
    app.state.model = AutoModelForCausalLM.from_pretrained(path).eval()
    app.state.parameters = dict(app.state.model.named_parameters())


def receive_weights(listener: Listener) -> None:
    with listener.accept() as connection:
        while True:
            try:
                array = connection.recv()
            except EOFError:
                return
            with lock, torch.no_grad():
                app.state.parameters[announced.get()].copy_(torch.from_numpy(array))
            connection.send("stored")


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/v1/models")
def models() -> dict[str, Any]:
    return {"object": "list", "data": [{"id": app.state.path, "object": "model"}]}


@app.get("/get_world_size")
def get_world_size() -> dict[str, int]:
    return {"world_size": 1}


@app.post("/init_communicator")
async def init_communicator(request: Request) -> dict[str, str]:
    body = await request.json()
    listener = Listener((body["host"], body["port"]))
    threading.Thread(target=receive_weights, args=(listener,), daemon=True).start()
    return {"status": "ok"}


@app.post("/update_named_param")
async def update_named_param(request: Request) -> dict[str, str]:
    announced.put((await request.json())["name"])
    return {"status": "ok"}


@app.post("/get_num_background_tasks")
def get_num_background_tasks() -> dict[str, int]:
    return {"num_background_tasks": 0}


@app.post("/reset_prefix_cache")
@app.post("/close_communicator")
def nothing_to_do() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/chat/completions")
def chat(body: dict[str, Any]) -> dict[str, Any]:
    tokenizer, model = app.state.tokenizer, app.state.model
    text = tokenizer.apply_chat_template(body["messages"], tokenize=False, add_generation_prompt=True)
    inputs = tokenizer([text], return_tensors="pt", add_special_tokens=False)
    sampling = (
        {"do_sample": False}
        if body["temperature"] == 0
        else {"do_sample": True, "temperature": body["temperature"], "top_k": 0}
    )
    with lock, torch.no_grad():
        output = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=body["max_tokens"],
            pad_token_id=tokenizer.pad_token_id,
            **sampling,
        )
    prompt_tokens = inputs["input_ids"].shape[1]
    completion = output[0, prompt_tokens:].tolist()
    stopped = tokenizer.eos_token_id in completion
    return {
        "id": "chatcmpl-cpu",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": tokenizer.decode(completion, skip_special_tokens=True)},
                "finish_reason": "stop" if stopped else "length",
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": len(completion),
            "total_tokens": prompt_tokens + len(completion),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    args, _ = parser.parse_known_args()  # the rest is about GPUs
    load(args.model)
    uvicorn.run(app, host="0.0.0.0", port=args.port, log_level="warning")


if __name__ == "__main__":
    main()
