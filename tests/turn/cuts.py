"""Every way in which a rule of the turn is taken out, to see its tests fail; the first cut of a rule is its main one."""

from typing import Final

from turn.cut_loader import Cut
from turn.cuts_of_layers import LAYERS

LUA: Final = "actors/partition/scripts/"
COMMIT, HAND_OUT, TAKE_IN = f"{LUA}commit.lua", f"{LUA}hand_out.lua", f"{LUA}take_in.lua"
LEASE_TAKE, LEASE_RELEASE = f"{LUA}lease_take.lua", f"{LUA}lease_release.lua"
OWNER, TABLE = "actors/partition/owner.py", "actors/partition/table.py"
HOLDING, HANDING_OUT = "actors/partition/holding.py", "actors/partition/handing_out.py"
READER, ENTRIES = "actors/partition/reader.py", "actors/partition/entries.py"
KEEPER, MACHINE, BEAT = "actors/leases/keeper.py", "actors/leases/machine.py", "actors/leases/beat.py"
FRONT, GATEWAY, INTAKE = "actors/doors/front.py", "actors/doors/gateway.py", "actors/doors/intake.py"
SERVER = "actors/embedded_server/"

_KEYS: Final = (
    Cut("K1", "derived", ENTRIES, 'return f"e-{partition:02d}-{entry_id}"', 'return f"e-{__import__(\'os\').urandom(8).hex()}"'),
    Cut("K1", "front", FRONT, 'Arrival(raw, f"f-{entry_id}")', 'Arrival(raw, f"f-{self._node.world.nonce()}")'),
    Cut("K2", "stored", "actors/store_connection.py", 'stored = int(pipeline.call("GET", key, key=key))', "stored = wanted"),
    Cut("K2", "strays", OWNER, "                self._strays.forward(entry)\n", "                pass\n"),
    Cut("K3", "whole", COMMIT, "if not from_a_door and fence ~= redis.call('HGET', KEYS[1], 'f') then return {'stale'} end\n",
        "if not from_a_door and string.match(fence, '^%d*:%d*') ~= string.match(redis.call('HGET', KEYS[1], 'f') or '', '^%d*:%d*') then return {'stale'} end\n"),
    Cut("K3", "fence", COMMIT, "if not from_a_door and fence ~= redis.call('HGET', KEYS[1], 'f') then return {'stale'} end\n"),
    Cut("K3", "nonce", LEASE_TAKE, "fence = ARGV[3] .. ':' .. epoch .. ':' .. ARGV[4]", "fence = ARGV[3] .. ':' .. epoch"),
    Cut("K3", "released", LEASE_RELEASE, "redis.call('HDEL', KEYS[1], 'f')", "redis.call('HSET', KEYS[1], 'f', '')"),
    Cut("K3", "hand out", HAND_OUT, "if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return {'stale'} end\n"),
    Cut("K3", "beat", f"{LUA}lease_beat.lua", "if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 0 end\n"),
)  # fmt: skip

_DOORS: Final = (
    Cut("D1", "once", TAKE_IN, "if not record then\n  redis.call('ZCARD'", "if true then\n  redis.call('ZCARD'"),
    Cut("D1", "other content", TAKE_IN, "if string.sub(record, 2, 1 + #digest) ~= digest then return {'reused', week} end\n"),
    Cut("D1", "while open", TAKE_IN, "if state == 'o' or replies == '' then", "if replies == '' then"),
    Cut("D1", "five seconds", TAKE_IN, "if now - tonumber(repeated) < REPEAT_MS then return {'again', 0} end\n"),
    Cut("D1", "said again", TAKE_IN, "for _, body in ipairs(bodies) do redis.call('PUBLISH', ARGV[5], body) end\n"),
    Cut("D1", "last week", TAKE_IN, "  record = redis.call('HGET', KEYS[3], id)\n"),
    Cut("D1", "straight", HAND_OUT, "elseif record and straight and", "elseif false and record and straight and"),
    Cut("D1", "registered", HAND_OUT, "      redis.call('HSET', item.key, id, state .. digest .. '|' .. entry .. '|0||0|' .. said)\n"),
    Cut("D1", "refused once", COMMIT, "  if redis.call('HEXISTS', KEYS[5], said) == 1 then", "  if false then"),
    Cut("D2", "alone", GATEWAY, "return opened if alone or opened.message_id != fallback_id else None", "return opened"),
    Cut("D2", "refused alone", GATEWAY, "return refusal_at(self._node, opened, raw, fallback_id) if alone else None", "return refusal_at(self._node, opened, raw, fallback_id)"),
    Cut("D2", "deaf", "actors/doors/subscriber.py", "if now_s - heard_s >= DEAF_S:", "if False:"),
    Cut("D2", "reconnects", "actors/doors/subscriber.py", "                self._world.native_sleep(RECONNECT_S)\n", "                return\n"),
    Cut("D3", "stops", INTAKE, "[item for item in wave if home_of(node, item) not in stopped]", "wave"),
    Cut("D3", "struck", FRONT, '            self._node.store.call(front, "XDEL", front, *in_now)\n', "            pass\n"),
    Cut("D3", "moves", FRONT, "        stopped = take_in_where_possible(self._node, items)\n", "        stopped = set()\n"),
    Cut("D4", "blob first", INTAKE,
        "            _keep_blobs(node, item)\n            node.store.submit_take_in(item.message, item.message_id, item.digest, waiter.wake)\n",
        "            node.store.submit_take_in(item.message, item.message_id, item.digest, waiter.wake)\n            _keep_blobs(node, item)\n"),
    Cut("D4", "bytes", "actors/partition/batch_size.py", "min(COUNT_MAX, 2 * self.count, fitting)", "min(COUNT_MAX, 2 * self.count)"),
    Cut("D5", "bad entries", ENTRIES, "        return BadEntry(entry_id, invalid, raw), {}\n", "        raise\n"),
    Cut("D5", "struck", COMMIT, "if entry ~= '' and (ends or op == 'reject') then redis.call('XDEL', KEYS[2], entry) end", "if entry ~= '' and ends then redis.call('XDEL', KEYS[2], entry) end"),
    Cut("D5", "depth and size", "messages/protocol.py", "    except Exception as error:  # noqa: BLE001 - whatever a decoder finds wrong, the message is not accepted\n", "    except msgspec.DecodeError as error:\n"),
)  # fmt: skip

_OWNERSHIP: Final = (
    Cut("O1", "adopts", HANDING_OUT, "        if living.fence != holding.fence:\n", "        if True:\n"),
    Cut("O2", "patience", MACHINE, "elif still_s >= PATIENCE_S:", "elif still_s >= 0.0:"),
    Cut("O2", "stood still", LEASE_TAKE, "elseif ARGV[5] == '' or fence ~= ARGV[5] or beat ~= ARGV[6] then", "elseif false then"),
    Cut("O2", "own at once", MACHINE, "if not lease.is_free and lease.node == self._node:", "if False:"),
    Cut("O2", "silent hub", BEAT, "                if silent_s < HUB_SILENT_S:\n", "                if silent_s >= 0:\n"),
    Cut("O2", "another server", KEEPER, "if known is not None and known != facts.identity:", "if False:"),
    Cut("O3", "from the beginning", READER, 'last_id: str = "0-0"', 'last_id: str = "$"'),
    Cut("O3", "takes over", MACHINE, "others.append(Take(partition, lease.fence, lease.beat))", "pass"),
    Cut("O4", "share", MACHINE, "quota = share(rank, len(live), partitions)", "quota = partitions"),
    Cut("O4", "surplus", MACHINE, "max(0, len(held) - quota)", "0"),
    Cut("O4", "rounding", MACHINE, "(1 if rank < partitions % nodes else 0)", "0"),
    Cut("O4", "leaves", BEAT, "        if self._node.draining:\n            self._connection(nodes)", "        if False:\n            self._connection(nodes)"),
    Cut("O5", "node lock", "actors/node_directory.py", "        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n", "        pass\n"),
    Cut("O5", "inherited", f"{SERVER}process.py", "            pass_fds=(lock_fd,),\n", ""),
    Cut("O5", "loading is alive", f"{SERVER}process.py", "        case Answer.LOADING:\n            return Verdict.WAIT\n", "        case Answer.LOADING:\n            return Verdict.KILL\n"),
    Cut("O5", "whole group", f"{SERVER}lock.py", "return leader is not None and _send(leader, signal.SIGKILL, whole_group=True)\n\n\ndef kill_homeless_group", "return leader is not None and _send(leader, signal.SIGKILL, whole_group=False)\n\n\ndef kill_homeless_group"),
)  # fmt: skip

_TABLE: Final = (
    Cut("T1", "window", TABLE, "keeps_body = self._bodies < self._bodies_max and len(chat.queue) < self._bodies_per_chat_max", "keeps_body = True"),
    Cut("T1", "long queue", TABLE, " and len(chat.queue) < self._bodies_per_chat_max"),
    Cut("T1", "fetched", HANDING_OUT, "            holding.node.store.submit_fetch(holding.partition, entry.entry_id, holding.to_owner(Fetched, entry))\n", ""),
    Cut("T2", "one in hand", TABLE, "            chat.phase = Phase.ASKED\n"),
    Cut("T2", "in order", TABLE, "            taken.append(chat.queue[0])\n", "            taken.append(chat.queue[-1])\n"),
    Cut("T2", "next follows", TABLE, "        elif was_first:\n            self._list(entry.chat_id, chat)\n", ""),
    Cut("T2", "written", HAND_OUT, "      redis.call('HSET', KEYS[3], chat, hand)\n"),
    Cut("T2", "under the fence", HAND_OUT, "if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return {'stale'} end\n"),
    Cut("T3", "age", TABLE, "left_s = self._deadlines.hard_s - age_s", "left_s = self._deadlines.hard_s"),
    Cut("T3", "at least nought", TABLE, "        age_s = max(age_s, 0.0)\n"),
    Cut("T3", "caught up", READER,
        "            followed.caught_up = len(entries) < count_max\n        for stream, (_, followed) in wanted.items():\n            if stream not in streams:\n                followed.caught_up = True\n",
        "            followed.caught_up = False\n"),
    Cut("T3", "taken once", READER, "ages_s.append(0.0 if followed.caught_up else (server_ms - entry_milliseconds(entry_id)) / 1000)", "ages_s.append(0.0)"),
    Cut("T3", "fresh budget", TABLE, "return None, now_s + LATE_BUDGET_S, True", "return None, now_s + left_s, True"),
    Cut("T3", "no interim", TABLE, "max(self._deadlines.soft_s - age_s, INTERIM_MIN_S)", "self._deadlines.soft_s - age_s"),
    Cut("T3", "bounded rate", TABLE, " and len(statics) < statics_max:", ":"),
    Cut("T3", "not before", TABLE, "            hard_at_s = max(hard_at_s, before.hard_at_s, before.static_at_s + margin_s)\n"),
    Cut("T4", "interim", TABLE, "                interims.append(entry)\n"),
    Cut("T4", "interim once", COMMIT, "if op == 'interim' and interim == '1' then return {'mine'} end\n"),
    Cut("T4", "static", TABLE, "                    statics.append(entry)\n"),
    Cut("T4", "owed", COMMIT, "(op == 'static' and 'w') or state", "state"),
    Cut("T4", "first writer", COMMIT, "if numbered == 1 and state == 'w' then return {'owed'} end\n"),
    Cut("T4", "static too late", COMMIT, "if (ends or op == 'static') and state == 's' then", "if ends and state == 's' then"),
    Cut("T4", "numbers", COMMIT, "if takes_turn then turn = turn + 1 end", "if takes_turn then turn = tonumber(began) + 1 end"),
    Cut("T4", "in turn", TABLE, "entry.held_back = entry.before is not None and not entry.before.owed", "entry.held_back = False"),
    Cut("T4", "settles", "actors/session/shell.py", "        if committed.outcome is Outcome.OWED:\n", "        if False:\n"),
)  # fmt: skip

_CHECKS: Final = {
    "intake": "redis.call('XLEN', KEYS[2])\n", "hand": "redis.call('HLEN', KEYS[3])\n", "owed": "redis.call('HLEN', KEYS[4])\n",
    "outbox": "if effect_count > 0 then redis.call('XLEN', KEYS[9]) end\n",
    "dead": "if dead_count > 0 then redis.call('XLEN', KEYS[10]) end\n",
    "blobs": "if blob_count > 0 then redis.call('ZCARD', KEYS[11]) end\n",
}  # fmt: skip
_COMMIT: Final = (
    *(Cut("C1", name, COMMIT, line) for name, line in _CHECKS.items()),
    Cut("C1", "arguments", COMMIT, "    or #ARGV ~= FIXED + 3 * reply_count + effect_count + dead_count + blob_count then", "    then"),
    Cut("C1", "one final", COMMIT, "if numbered > 1 or (op ~= 'poison' and (numbered == 1) ~= (op == 'final' or op == 'static')) then", "if false then"),
    Cut("C1", "operation", COMMIT, "if not KNOWN[op] then return redis.error_reply('ERR commit: unknown operation') end\n"),
    Cut("C1", "record", COMMIT, "  if not known_replies then\n", "  if false then\n"),
    Cut("C1", "numbers", COMMIT, "  if not (tonumber(version) and turn) then return redis.error_reply('ERR commit: the head holds no numbers') end\n"),
    Cut("C1", "journal", COMMIT, "  if redis.call('EXISTS', KEYS[8]) == 1 then redis.pcall('DEL', KEYS[8]) end\n"),
    Cut("C1", "hand out", HAND_OUT, "redis.call('HLEN', KEYS[3])\n"),
    Cut("C1", "hand out blobs", HAND_OUT, "redis.call('ZCARD', KEYS[4])\n"),
    Cut("C2", "version", COMMIT, "  if (op == 'final' or op == 'settle') and version ~= began then return {'stale'} end\n"),
    Cut("C2", "counts", COMMIT, "    redis.call('HSET', KEYS[6], 'v', version + 1, 't', turn, 's', snapshot)\n", "    redis.call('HSET', KEYS[6], 'v', version, 't', turn, 's', snapshot)\n"),
    Cut("C2", "nothing else", COMMIT, "  redis.call('HSET', KEYS[6], 't', turn)\nend", "  redis.call('HSET', KEYS[6], 't', turn, 'v', version + 1)\nend"),
    Cut("C2", "rehydrates", "actors/session/shell.py", "self._state, self._memory = memory.state, memory", "self._state, self._memory = None, memory"),
    Cut("C3", "mine", COMMIT, "  if ends and known_nonce == nonce then return {'mine'} end\n"),
    Cut("C3", "answered", COMMIT, "if (ends or op == 'static') and state == 's' then", "if false then"),
    Cut("C3", "entry deleted", COMMIT, "  if entry ~= '' then redis.call('XDEL', KEYS[2], entry) end\n  return {'answered'}", "  return {'answered'}"),
    Cut("C3", "owed", COMMIT, "if numbered == 1 and state == 'w' then return {'owed'} end\n"),
    Cut("C3", "stale", COMMIT, "if numbered == 0 and ends and state == 'o' then return {'stale'} end\n"),
    Cut("C3", "static's own", COMMIT, "return {known_nonce == nonce and 'mine' or 'owed'}", "return {'owed'}"),
    Cut("C4", "commit", COMMIT, "#!lua flags=allow-oom", "#!lua"),
    Cut("C4", "hand out", HAND_OUT, "#!lua flags=allow-oom", "#!lua"),
    Cut("C4", "beat", f"{LUA}lease_beat.lua", "#!lua flags=allow-oom", "#!lua"),
    Cut("C4", "doors refuse", TAKE_IN, "#!lua\n", "#!lua flags=allow-oom\n"),
    Cut("C4", "doors close", INTAKE, "return node.memory_share >= MEMORY_SHARE_MAX", "return False"),
    Cut("C4", "noeviction", "actors/redis_connection/facts.py", 'if facts.memory_policy != "noeviction":', "if False:"),
    Cut("C5", "resent", "actors/pipeline/pipe.py", 'if text.startswith("NOSCRIPT") and request.script is not None:', "if False:"),
    Cut("C6", "streams", COMMIT, "local appends = type(length) == 'number'", "local appends = false"),
)  # fmt: skip

_ATTEMPTS: Final = (
    Cut("A1", "blameless", "actors/session/roster.py", "isinstance(reason, Exception) and not isinstance(reason, _BLAMELESS)", "reason is not None"),
    Cut("A1", "counted", OWNER, "replace(record, crashes=record.crashes + 1)", "record"),
    Cut("A2", "suspect", "actors/partition/hand_record.py", "suspicion=self.suspicion + 1", "suspicion=self.suspicion"),
    Cut("A2", "while alone", "actors/partition/hand_record.py", "return self if self.waits else replace(", "return replace("),
    Cut("A2", "alone", "actors/partition/hand_record.py", "return self.suspicion >= ALONE_FROM_SUSPICION", "return False"),
    Cut("A2", "guilty alone", "actors/partition/hand_record.py", "self.crashes + max(0, self.suspicion - ALONE_FROM_SUSPICION)", "self.crashes"),
    Cut("A2", "clean release", LEASE_TAKE, "  how = 'clean'\n", "  how = 'dead'\n"),
    Cut("A2", "own incarnation", LEASE_TAKE, "  if incarnation == ARGV[2] then how = 'own' end\n"),
    Cut("A2", "written before", HOLDING, "            self.node.store.write_hand(self.partition, self.fence, self.records)\n", ""),
    Cut("A2", "others wait", "actors/partition/solo.py", "return now_s < self.silent_from_s", "return False"),
    Cut("A3", "poison", HANDING_OUT, "        if record.attempts >= self._max_attempts:\n", "        if False:\n"),
    Cut("A3", "one final", COMMIT, "if numbered == 1 and state == 'w' then return {'owed'} end\n"),
    Cut("A3", "not replayed", "actors/session/documents.py", "None if turn.crashes and is_last else self._kept(turn, step)", "self._kept(turn, step)"),
    Cut("A3", "journal", "actors/session/documents.py", "None if turn.crashes and is_last else self._kept(turn, step)", "None"),
    Cut("A4", "per child", "actors/tree.py", "period_s=_SESSION_PERIOD_S, per_child=True", "period_s=_SESSION_PERIOD_S, per_child=False"),
    Cut("A4", "rests", "actors/session/roster.py", "        if self._rests(chat_id):\n            return False\n", ""),
)  # fmt: skip

_DURABILITY: Final = (
    Cut("S1", "always", f"{SERVER}command.py", '"appendfsync": settings.appendfsync,', '"appendfsync": "no",'),
    Cut("S1", "append only", f"{SERVER}command.py", '"appendonly": "yes",', '"appendonly": "no",'),
    Cut("S3", "repair", f"{SERVER}process.py", "    remedy = diagnose(log)\n", "    remedy = None\n"),
    Cut(
        "S3",
        "remembered",
        f"{SERVER}actor.py",
        "repaired=repair_marker(self._settings.paths).exists(),",
        "repaired=False,",
    ),
)

BEGIN: Final = f"{LUA}effect_begin.lua"
ATTEMPTS, LINES = "actors/effects/attempts.py", "actors/effects/lines.py"
_EFFECTS: Final = (
    Cut("E1", "recorded before", BEGIN, "redis.call('HSET', KEYS[3], ARGV[2], record)\n"),
    Cut("E1", "under the fence", BEGIN, "if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return {'stale'} end\n"),
    Cut("E1", "ended under the fence", f"{LUA}effect_end.lua", "if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 'stale' end\n"),
    Cut("E1", "asked first", ATTEMPTS, "            return First.LOOK\n", "            return First.PERFORM\n"),
    Cut("E1", "not repeated", ATTEMPTS, '        case "neither":\n            return First.GIVE_UP\n', '        case "neither":\n            return First.PERFORM\n'),
    Cut("E1", "unknown at once", ATTEMPTS, 'if state is State.UNKNOWN and delivery == "neither":', "if False:"),
    Cut("E2", "in order", LINES, "line.at_work = line.queue[0]", "line.at_work = line.queue[-1]"),
    Cut("E2", "waits for the first", LINES, "            line.not_before_s, line.retry = until_s, retry\n", "            line.queue.rotate(-1)\n"),
    Cut("E3", "its own", "actors/session/work.py", "return overlay(found, self._unsettled(), query)", "return found"),
    Cut("E5", "kept", "actors/partition/store.py", 'outcome: bytes | None = self.call(journal, "HGET", journal, step)', "outcome: bytes | None = None"),
    Cut("E5", "time of acceptance", HANDING_OUT, "entry.static_at_s, accepted_at(entry.entry_id),", "entry.static_at_s, holding.node.at(),"),
)  # fmt: skip

_LEAVING: Final = (
    Cut("X1", "idle at once", KEEPER, "elif not self._in_hand(number) or self.world.now() >= until_s:", "elif self.world.now() >= until_s:"),
    Cut("X1", "busy after five seconds", KEEPER, "LET_GO_S: Final = 5.0", "LET_GO_S: Final = 300.0"),
    Cut("X1", "released", KEEPER, '        self._node.store.call_script(SCRIPTS["lease_release"], (key,), (held.fence,), timeout_s=CALL_S)\n', ""),
    Cut("X1", "left to redelivery", LEASE_TAKE, "  how = 'clean'\n", "  how = 'dead'\n"),
    Cut("X2", "tombstone", f"{LUA}forget.lua", "redis.call('HSET', KEYS[2], chat, version)\n"),
    Cut("X2", "version goes on", f"{LUA}forget.lua", "redis.call('HSET', KEYS[3], 'v', version, 't', 0)\n"),
    Cut("X2", "outbox", f"{LUA}forget.lua", "strike(KEYS[7])\n"),
    Cut("X2", "dead letters", f"{LUA}forget.lua", "strike(KEYS[8])\n"),
    Cut("X2", "entries", f"{LUA}forget.lua", "for k = 11, #KEYS do redis.call('DEL', KEYS[k]) end\n"),
    Cut("X2", "reminders", f"{LUA}forget.lua", "    redis.call('ZREM', KEYS[9], member)\n    redis.call('HDEL', KEYS[10], member)\n"),
    Cut("X2", "through the session", f"{LUA}forget.lua", "if redis.call('HEXISTS', KEYS[6], chat) == 1 then return {'busy'} end\n"),
)  # fmt: skip

_REPLAY: Final = (
    Cut("E4", "owed", f"{LUA}letter_replay.lua", "'w' .. digest", "'o' .. digest"),
    Cut("E4", "once", f"{LUA}letter_replay.lua", "if redis.call('HEXISTS', KEYS[4], id) == 1 or redis.call('HEXISTS', KEYS[5], id) == 1 then return {'known'} end\n"),
    Cut("E4", "index", f"{LUA}letter_replay.lua", "redis.call('HSET', KEYS[3], entry, chat .. '\\n' .. id)\n"),
    Cut("E4", "one's own", "actors/dead_letters/redoing.py", "replay_id(message_id or item.item_id, max(item.round, 1))", "message_id or item.item_id"),
    Cut("E4", "as the person knows it", "actors/session/shell.py", "original_id(entry.message_id) if owed else entry.message_id", "entry.message_id"),
)  # fmt: skip

CUTS: Final[tuple[Cut, ...]] = (
    *_KEYS, *_DOORS, *_OWNERSHIP, *_TABLE, *_COMMIT, *_ATTEMPTS, *_DURABILITY, *_EFFECTS, *_LEAVING, *_REPLAY,
    *LAYERS,
)  # fmt: skip

# Tests that stand with the part they test, by the beginning of their node id, and the rules they show.
TESTS_ELSEWHERE: Final[dict[str, tuple[str, ...]]] = {
    "D5": ("tests/messages/test_inbound.py",),
    "O5": (
        "tests/actors/test_node_directory.py", "tests/actors/test_embedded_server.py",
        "tests/actors/test_embedded_server_actor.py",
    ),
    "C4": ("tests/actors/test_redis_connection.py::test_given_a_server_that_evicts",),
    "C5": ("tests/actors/test_pipeline.py::test_given_scripts_flushed", "tests/actors/test_pipeline_faults.py"),
    "C6": ("tests/end_to_end/test_command_line.py",),
    "L4": ("tests/agent/test_agent_outage.py",),
    "S1": ("tests/actors/test_embedded_server.py", "tests/actors/test_embedded_server_actor.py"),
    "S3": ("tests/actors/test_embedded_server_damage.py", "tests/actors/test_embedded_server_actor.py"),
}  # fmt: skip


def cuts_of(label: str) -> list[Cut]:
    """The cuts of a rule, or the one cut of `rule:name`."""
    return [cut for cut in CUTS if label in (cut.rule, cut.label)]
