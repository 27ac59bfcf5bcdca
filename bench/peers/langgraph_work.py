"""The same work by LangGraph with its SQLite saver, one process: a graph of one node that answers, a thread a chat.

    python -m bench.peers.langgraph_work SOCKET COUNT CHATS DIRECTORY

Each message is one `invoke` under the chat's thread, which saves checkpoints, and its reply is appended and published
on the same server. Prints the messages a second.
"""

import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from redis import Redis

MESSAGES_MAX = 20
REPLY = "Hello! Send me an invoice and I'll read it for you."


def _latest(before: list[str], new: list[str]) -> list[str]:
    return [*before, *new][-MESSAGES_MAX:]


class Conversation(TypedDict):
    """What a thread remembers: the last messages, as a session does."""

    messages: Annotated[list[str], _latest]


def _answer(_state: Conversation) -> dict[str, list[str]]:
    return {"messages": [REPLY]}


def main(socket: str, count: str, chats: str, directory: str) -> None:
    """Do what the module says."""
    client = Redis(unix_socket_path=socket)
    graph: Any = StateGraph(Conversation)
    graph.add_node("answer", _answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    connection = sqlite3.connect(Path(directory) / "langgraph.db", check_same_thread=False)
    agent = graph.compile(checkpointer=SqliteSaver(connection))
    agent.invoke({"messages": ["Hello"]}, {"configurable": {"thread_id": "warm-up"}})
    began_s = time.perf_counter()
    for number in range(int(count)):
        chat = f"chat-{number % int(chats)}"
        state = agent.invoke({"messages": ["Hello"]}, {"configurable": {"thread_id": chat}})
        text = state["messages"][-1]
        body = json.dumps({"message_id": f"m-{number}", "chat_id": chat, "kind": "final", "text": text})
        pipe = client.pipeline(transaction=False)
        pipe.xadd(f"bench:langgraph:replies:{chat}", {"r": body}, maxlen=1000)
        pipe.publish(f"bench:langgraph:{chat}", body)
        pipe.execute()
    print(int(count) / (time.perf_counter() - began_s))


if __name__ == "__main__":
    main(*sys.argv[1:])
