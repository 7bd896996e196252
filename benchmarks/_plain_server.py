"""What one writes in an afternoon: the model in the process of FastAPI, and msgpack as its manual shows it.

python benchmarks/_plain_server.py        # says its port, and serves until its standard input is closed
"""

import json
import os
import sys
import threading

import msgpack
import numpy as np
import torch
import uvicorn
from _servers import models
from fastapi import FastAPI, Request, Response

app, served = FastAPI(), models()


@app.post("/predictions/{name}")
async def predict(name: str, request: Request) -> Response:
    body = await request.body()
    if not body:
        return Response("{}", media_type="application/json")
    data = msgpack.unpackb(body, object_hook=decode)
    with torch.inference_mode():
        result = served[name](torch.from_numpy(data["image"]))
    return Response(msgpack.packb({"prediction": result.numpy()}, default=encode), media_type="application/msgpack")


def encode(array: np.ndarray) -> dict:
    return {"__ndarray__": True, "data": array.tobytes(), "shape": list(array.shape), "type": str(array.dtype)}


def decode(value: dict) -> object:
    if "__ndarray__" not in value:
        return value
    return np.frombuffer(value["data"], value["type"]).reshape(value["shape"]).copy()  # PyTorch wants to write to it


class Server(uvicorn.Server):
    async def startup(self, sockets: list | None = None) -> None:
        await super().startup(sockets)
        print(json.dumps({"port": self.servers[0].sockets[0].getsockname()[1], "token": ""}), flush=True)
        threading.Thread(target=self.until_closed, daemon=True).start()

    def until_closed(self) -> None:
        sys.stdin.read()
        self.should_exit = True


if __name__ == "__main__":
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    Server(uvicorn.Config(app, port=0, log_level="warning", timeout_keep_alive=300)).run()
