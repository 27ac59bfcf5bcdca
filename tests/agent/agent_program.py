"""A plain asyncio program with an agent in it, told line by line what to do; see agent_under_test.py."""

import asyncio
import json
import logging
import sys
from typing import Any

from actors.self_healing_agent import Reply, SelfHealingInvoiceAgent


def say(**what: Any) -> None:
    """One JSON object a line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def shown(reply: Reply) -> dict[str, Any]:
    """A reply as JSON has it."""
    names = ("reply_id", "message_id", "chat_id", "kind", "text", "turn", "answered_by", "recovered_by")
    return {**{name: getattr(reply, name) for name in names}, "error": reply.error and reply.error.code}


class Program:
    """Does what it is told, many things at a time."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.agent = SelfHealingInvoiceAgent(
            on_follow_up=lambda reply: say(follow_up=shown(reply)),
            on_interim=lambda reply: say(interim=shown(reply)),
            **options,
        )
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until standard input ends, or it is told to close."""
        reader = asyncio.StreamReader(limit=1 << 26)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            order = json.loads(line)
            self.tasks.add(task := asyncio.create_task(self.do(order)))
            task.add_done_callback(self.tasks.discard)
            if order["do"] == "close":
                await task
                return

    async def do(self, order: dict[str, Any]) -> None:
        """One order; its number comes back with what it came to."""
        try:
            match order.pop("do"):
                case "initialize":
                    result: Any = await self.agent.initialize(order["timeout_s"])
                case "process":
                    number = order.pop("number")
                    result = shown(await self.agent.process_message(**order))
                    order["number"] = number
                case "health":
                    health = self.agent.health()
                    result = {name: getattr(health, name) for name in health.__slots__}
                case "close":
                    result = await self.agent.close()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            say(number=order.get("number"), raised=repr(error))
        else:
            say(number=order.get("number"), result=result)


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    asyncio.run(Program(json.loads(sys.argv[1])).run())
