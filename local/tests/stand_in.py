#!/usr/bin/env python3
"""Stands in for `bootstrap`: asks the Runtime API for events over bare connections, and does what `_HANDLER` says."""

import http.client
import json
import os
import sys
import threading
import time

HANDLER = os.environ.get("_HANDLER", "")
ROOT = "/2018-06-01/runtime/"
OWN = threading.local()
RELEASED = threading.Event()


def call(method, path, body=None, headers={}):
    if not hasattr(OWN, "runtime"):
        OWN.runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    OWN.runtime.request(method, ROOT + path, body, headers)
    answer = OWN.runtime.getresponse()
    return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), answer.read()


def say(value):
    """Answers this thread's event with JSON; the status that this got goes to the log."""
    status, _, body = call("POST", f"invocation/{OWN.request_id}/response", json.dumps(value))
    print("answered", status, body.decode(), flush=True)


if HANDLER == "cannot_start":
    print("about to fail", flush=True)
    error = {"errorType": "Misconfigured", "errorMessage": "AZURE_TENANT_ID is missing"}
    status, _, _ = call("POST", "init/error", json.dumps(error))
    print("reported", status, file=sys.stderr, flush=True)
    sys.exit(1)
if HANDLER == "never_starts":
    print("this is hopeless", flush=True)
    sys.exit(3)


def serve():
    while True:
        status, headers, event = call("GET", "invocation/next")
        OWN.request_id = headers["lambda-runtime-aws-request-id"]
        here = f"invocation/{OWN.request_id}/"
        if HANDLER == "echo":
            say({"event": json.loads(event), "headers": headers, "environment": dict(os.environ), "pid": os.getpid()})
        elif HANDLER == "verbatim":
            call("POST", here + "response", event)
        elif HANDLER == "reply":
            call("POST", here + "response", json.loads(event)["body"])
        else:
            order = {"failing": "fail", "hanging": "hang", "streaming": "stream"}.get(HANDLER) or json.loads(event)
            if order == "exit":
                print("so be it", flush=True)
                os._exit(7)
            elif order == "hang":
                time.sleep(600)
            elif order == "hold":
                RELEASED.wait()
                say("held")
            elif order == "release":
                say("released")
                RELEASED.set()
            elif order == "fail":
                error = json.dumps({"errorType": "NotFound", "errorMessage": '{"code":"NotFound","status":404}'})
                call("POST", here + "error", error, {"Lambda-Runtime-Function-Error-Type": "unhandled"})
            elif order == "fail without JSON":
                call("POST", here + "error", "oh no", {"Lambda-Runtime-Function-Error-Type": "Custom.Reason"})
            elif order == "answer too much":
                status, _, body = call("POST", here + "response", b"x" * 6_291_557)
                print("answered", status, body.decode(), flush=True)
            elif order == "answer all that fits":
                call("POST", here + "response", b"x" * 6_291_556)
            elif order == "stream":
                parts = [b'{"statusCode":200}', b"\0" * 8, b"x" * 7_000_000]
                # An iterator goes out chunked.
                call("POST", here + "response", iter(parts), {"Lambda-Runtime-Function-Response-Mode": "streaming"})
            elif order == "answer another":
                say({"wrong": call("POST", "invocation/2f0c8f5e-0000-4000-8000-000000000000/response", "{}")[0],
                     "next before the answer": call("GET", "invocation/next")[0],
                     "init error after the start": call("POST", "init/error", "{}")[0],
                     "no such thing": call("GET", "nothing")[0]})
            elif order == "answer twice":
                say("once")
                say("twice")
            elif order == "answer and exit":
                say("bye")
                os._exit(0)
            else:
                say(order)


for _ in range(1, int(os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY", "1"))):
    threading.Thread(target=serve, daemon=True).start()
serve()
