"""grpcio through the suite's interface: calls come as lines of JSON on the standard input, and go out as such.

    {"id": 1, "kind": "unary", "path": "/a.B/C", "messages": [base64], "fields": {}, "timeout": seconds}
    {"id": 1, "cancel": true}

Messages are bytes: there are no generated classes, and none are needed.
"""

import base64
import json
import queue
import sys
import threading

import grpc

target, gzip, root = sys.argv[1], sys.argv[2] == "gzip", sys.argv[3] if len(sys.argv) > 3 else None
compression = grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression
if root is None:
    channel = grpc.insecure_channel(target, compression=compression)
else:
    with open(root, "rb") as file:
        secure = grpc.ssl_channel_credentials(file.read())
    channel = grpc.secure_channel(target, secure, compression=compression)

running = {}
lock = threading.Lock()


def decoded(fields):
    return [(name, base64.b64decode(value) if name.endswith("-bin") else value) for name, value in fields.items()]


def encoded(metadata):
    return {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value for name, value in metadata or ()
    }


def conversation(messages, answers):
    """The next is said when the one before was answered."""
    for message in messages:
        yield message
        if answers.get() is None:
            return


def held(messages, over):
    """Does not end by itself."""
    yield from messages
    over.wait()


def begin(saying, answers, over):
    kind, path = saying["kind"], saying["path"]
    messages = [base64.b64decode(message) for message in saying["messages"]]
    more = {"metadata": decoded(saying["fields"]), "timeout": saying.get("timeout")}
    if kind == "unary":
        return channel.unary_unary(path).future(messages[0], **more)
    if kind == "serverStream":
        return channel.unary_stream(path)(messages[0], **more)
    requests = held(messages, over) if saying.get("held") and kind == "clientStream" else iter(messages)
    if kind == "clientStream":
        return channel.stream_unary(path).future(requests, **more)
    return channel.stream_stream(path)(conversation(messages, answers), **more)


def hear(saying, call, answers, over):
    heard = []
    try:
        if saying["kind"] in ("unary", "clientStream"):
            heard.append(call.result())
        else:
            for message in call:
                heard.append(message)
                answers.put(message)
    except (grpc.RpcError, grpc.FutureCancelledError):
        pass
    answers.put(None)
    over.set()
    line = json.dumps(
        {
            "id": saying["id"],
            "messages": [base64.b64encode(message).decode() for message in heard],
            "code": call.code().value[0],
            "text": call.details() or "",
            "head": encoded(call.initial_metadata()),
            "trailers": encoded(call.trailing_metadata()),
        }
    )
    with lock:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


for line in sys.stdin:
    saying = json.loads(line)
    if "cancel" in saying:
        running[saying["id"]].cancel()
    else:
        answers, over = queue.Queue(), threading.Event()
        call = running[saying["id"]] = begin(saying, answers, over)
        threading.Thread(target=hear, args=(saying, call, answers, over), daemon=True).start()
channel.close()
