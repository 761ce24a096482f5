"""The chats of a server (`memoryqa serve`) with the methods of the library: nothing but the standard library is needed.

    from memoryqa.client import Client

    with Client("http://127.0.0.1:8765") as server:
        chat = server.chat("ana")
        chat.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")
        print(chat.search("When did Ana move?"))
        print(server.ask("When did Ana move?").answer)

Calls that may be made twice are made again when the server cannot be reached or is busy, until `total_sec` have passed.
Adding is one of them only where each message has a key, or the server says that it has added nothing. Corrections and
forgetting are sent with a key of their own: a server makes each once, and its reply is waited for.
"""

from __future__ import annotations

from memoryqa.client.connection import ServerError
from memoryqa.client.replies import Answer, Found, Message
from memoryqa.client.server import Chat, Client

__all__ = ["Answer", "Chat", "Client", "Found", "Message", "ServerError"]
