"""The ways in which the rules of the state layers are taken out."""

from typing import Final

from turn.cut_loader import Cut

LUA: Final = "actors/partition/scripts/"
OFFER, HAND_OUT = f"{LUA}rebuild_offer.lua", f"{LUA}hand_out.lua"
LAYER, VERDICT = "actors/persistence/file_layer.py", "actors/persistence/verdict.py"
FILES, BACKUPS = "actors/persistence/session_files.py", "actors/persistence/backups.py"
REBUILDER, ENTRIES = "actors/persistence/rebuilder.py", "actors/partition/entries.py"

LAYERS: Final = (
    Cut("L1", "the store wins", VERDICT, "heads[chat] < position.version", "heads[chat] != position.version"),
    Cut("L1", "caught up", LAYER, "        except BROKEN:\n            self.fall_behind()\n", "        except BROKEN:\n"),
    Cut("L1", "its place", "actors/persistence/following.py", "commit.version + 1)", "commit.version)"),
    Cut("L2", "empty", VERDICT, '        return Verdict.REBUILD, "the store came back empty"\n', '        return Verdict.ADOPT, ""\n'),
    Cut("L2", "set back", VERDICT, "    if ahead:\n", "    if False:\n"),
    Cut("L2", "closed", f"{LUA}lease_take.lua", "if gate[1] or tonumber(gate[2] or '0') > tonumber(ARGV[3]) then", "if false then"),
    Cut("L2", "newest version", OFFER, "elseif not newer then newer = version > known_version end", "elseif not newer then newer = true end"),
    Cut("L2", "newest epoch", OFFER, "newer = epoch > known_epoch", "newer = version > known_version"),
    Cut("L2", "waits for all", f"{LUA}rebuild_mark.lua", "if #missing > 1 then return missing end\n"),
    Cut("L2", "effects once", OFFER, "if redis.call('HSETNX', KEYS[8], ARGV[a + 1], rebuild) == 1 then", "if true then"),
    Cut("L2", "ids again", OFFER, "    redis.call('HSET', entries, id, state .. digest .. '|' .. entry .. '|1|' .. nonce .. '|0|' .. ids)\n"),
    Cut("L2", "owed again", OFFER, "        entry = redis.call('XADD', KEYS[5], '*', 'm', message, 'i', id, 'd', digest, 'w', week)\n", "        entry = '0-1'\n"),
    Cut("L2", "what was open", REBUILDER, "in left if self._offered else ():", "in ():"),
    Cut("L3", "checksum", "actors/session/stamped.py", "if raw[len(_STAMP) : _HEAD_BYTES] != _digest(body):", "if False:"),
    Cut("L3", "rebuilt", "actors/session/memory.py", "state, is_whole = _from_file(node, turn)", "state, is_whole = None, False"),
    Cut("L3", "told", "actors/session/shell.py", "        if self._memory.has_gap:\n", "        if False:\n"),
    Cut("L4", "recorded", HAND_OUT, "      if shown ~= '' then\n", "      if false then\n"),
    Cut("L4", "no other's words", ENTRIES, 'return reply_to_json(reply) if about == (message.chat_id, message_id, "final", "static", None) else b""', "return reply_to_json(reply)"),
    Cut("X2", "records", FILES, '            connection.execute("DELETE FROM turns WHERE key = ?", (chat_id,))\n'),
    Cut("X2", "backups", BACKUPS, "        if len(kept) < len(payloads):\n", "        if False:\n"),
    Cut("X2", "on sight", "actors/persistence/keeper.py", "                if position.version < tombstones[chat]:\n", "                if False:\n"),
    Cut("X2", "offered as well", OFFER, "  redis.call('HSET', KEYS[4], chat, version)\n"),
)  # fmt: skip
