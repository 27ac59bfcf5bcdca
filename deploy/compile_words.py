"""Write the catalogues of messages/locale: the list to translate, its English form, and every language compiled.

    python deploy/compile_words.py            writes unfailing.pot, en/LC_MESSAGES/unfailing.po and every unfailing.mo
    python deploy/compile_words.py --check    writes nothing, exits 1 when a file is not what it would write

To add a language, copy unfailing.pot to <language>/LC_MESSAGES/unfailing.po, fill its msgstr lines, run this.
The format is GNU gettext's; this program needs none of its tools.
"""

import ast
import re
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCALE = ROOT / "messages" / "locale"
DOMAIN = "unfailing"
HEADER = (
    "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\nMIME-Version: 1.0\nLanguage: {}\n"
    "Plural-Forms: nplurals=2; plural=({});\n"
)
# Of none a French noun stays singular, of all others it is plural.
PLURALS = {"fr": "n > 1"}
MAGIC = 0x950412DE
CONTEXT_END = "\x04"

PLURAL_END = "\0"

_LINE = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr\[[01]\]|msgstr)?\s*(".*")')


def quoted(text: str) -> str:
    """Write a text as one quoted string of a .po file."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def po_of(
    entries: list[tuple[str, str]], counted: list[tuple[str, str, str]], language: str, *, translated: bool
) -> str:
    """Give a .po file; translated: with the English text as the translation, else empty."""
    blocks = [f"msgid {quoted('')}\nmsgstr {quoted(HEADER.format(language, PLURALS.get(language, 'n != 1')))}"]
    for context, text in entries:
        translation = quoted(text if translated else "")
        blocks.append(f"msgctxt {quoted(context)}\nmsgid {quoted(text)}\nmsgstr {translation}")
    for context, one, many in counted:
        forms = (one, many) if translated else ("", "")
        blocks.append(
            f"msgctxt {quoted(context)}\nmsgid {quoted(one)}\nmsgid_plural {quoted(many)}\n"
            f"msgstr[0] {quoted(forms[0])}\nmsgstr[1] {quoted(forms[1])}"
        )
    return "\n\n".join(blocks) + "\n"


def entries_of(po: str) -> dict[str, str]:
    """Read a .po file: translations by message id, after its context; untranslated and fuzzy ones are left out."""
    found: dict[str, str] = {}
    for block in re.split(r"\n\s*\n", po):
        parts = {"msgctxt": "", "msgid": "", "msgid_plural": "", "msgstr": "", "msgstr[0]": "", "msgstr[1]": ""}
        last = ""
        for line in block.splitlines():
            match = _LINE.fullmatch(line.strip())
            if match:
                last = match[1] or last
                parts[last] += ast.literal_eval(match[2])
        name = parts["msgctxt"] + CONTEXT_END + parts["msgid"] if parts["msgctxt"] else parts["msgid"]
        if "#, fuzzy" in block:
            continue
        if parts["msgid_plural"] and parts["msgstr[0]"] and parts["msgstr[1]"]:
            found[f"{name}{PLURAL_END}{parts['msgid_plural']}"] = parts["msgstr[0]"] + PLURAL_END + parts["msgstr[1]"]
        elif parts["msgstr"]:
            found[name] = parts["msgstr"]
    return found


def mo_of(entries: dict[str, str]) -> bytes:
    """Compile translations into a .mo file: two tables of (length, offset), sorted by id, then the strings."""
    names = sorted(entries)
    ids = [name.encode() for name in names]
    texts = [entries[name].encode() for name in names]
    tables_at, strings_at = 28, 28 + 16 * len(names)
    head = struct.pack("<7I", MAGIC, 0, len(names), tables_at, tables_at + 8 * len(names), 0, 0)
    tables = b""
    for raw in [*ids, *texts]:
        tables += struct.pack("<2I", len(raw), strings_at)
        strings_at += len(raw) + 1
    return head + tables + b"".join(raw + b"\0" for raw in [*ids, *texts])


def files() -> dict[Path, bytes]:
    """Give the content of every file this program writes."""
    sys.path.insert(0, str(ROOT))
    from messages.user_messages import catalogue, plurals

    entries, counted = list(catalogue()), list(plurals())
    english = LOCALE / "en" / "LC_MESSAGES" / f"{DOMAIN}.po"
    wanted = {
        LOCALE / f"{DOMAIN}.pot": po_of(entries, counted, "", translated=False).encode(),
        english: po_of(entries, counted, "en", translated=True).encode(),
    }
    for po in {english, *LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po")}:
        content = wanted[po] if po in wanted else po.read_bytes()
        wanted[po.with_suffix(".mo")] = mo_of(entries_of(content.decode()))
    return wanted


def main() -> int:
    """Write or check; give the exit status."""
    stale = {path: content for path, content in files().items() if not path.exists() or path.read_bytes() != content}
    for path, content in stale.items():
        sys.stdout.write(f"{path.relative_to(ROOT)} {'is not up to date' if '--check' in sys.argv else 'written'}\n")
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
