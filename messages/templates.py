"""What the agent says when it is not about the content of an invoice: every text a person may read, in English.

A text may hold the placeholders of `VALUES`, nothing else; `messages.user_messages` fills and translates it. Each one
says what happens next and leaves the person at most one thing to do. No text names a part of the machine.
"""

from dataclasses import dataclass
from typing import Final

from messages.records import Button

HELP: Final = Button("What can you do?", "help")
LAST: Final = Button("Show the last invoice", "show_last")
RETRY: Final = Button("Try again", "retry")

VALUES: Final = {
    "file_name": "your document",
    "what": "something else",
    "command": "that",
    "wait": "a moment",
    "size_mb": "10",
}
"""Every placeholder with the words that stand in for a value that is missing or unfit."""


@dataclass(frozen=True, slots=True)
class Template:
    """One text with what goes along: the emoji before it, the buttons under it, and what is said once it is over."""

    text: str
    emoji: str
    buttons: tuple[Button, ...] = ()
    follow_up: str | None = None


GENERAL_KEY: Final = "recovering"

_AI_MODEL: Final = {
    "ai_model_timeout": Template(
        "I'm taking a bit longer than usual to think this through. I'm still on it and will write here as soon as I "
        "have your answer.",
        "⏳",
        (RETRY,),
        "Thank you for waiting. Here is the answer I owed you.",
    ),
    "ai_model_rate_limit": Template(
        "A lot of people are asking me things right now. I'll get back to your message in {wait}; you don't need to "
        "send it again.",
        "🚦",
        (RETRY,),
        "It's quieter now, so here is your answer.",
    ),
    "ai_model_unavailable": Template(
        "I can't think quite as cleverly as usual at the moment, so I'm working by simple rules. Sending invoices and "
        "asking about them still works.",
        "🔌",
        (HELP,),
        "I'm back to my usual self. You can ask me anything again.",
    ),
}

_DOCUMENT: Final = {
    "document_corrupted": Template(
        "I can't open {file_name}: it seems to be damaged or cut short. Could you download or export it again and send "
        "me the new copy?",
        "📄",
        (HELP,),
        "The new copy works, thank you.",
    ),
    "document_too_large": Template(
        "I can't take in {file_name}: it's larger than I can read, and {size_mb} MB is my limit. Could you send me a "
        "smaller version, or only the pages with the invoice?",
        "🐘",
        (HELP,),
        "That size works, thank you.",
    ),
    "document_ocr_failed": Template(
        "I can't make out the writing in {file_name}. Could you send me a sharper scan, or the original PDF from the "
        "sender?",
        "🔍",
        (HELP,),
        "I can read it now, thank you.",
    ),
    "document_encrypted": Template(
        "I can't look into {file_name} because it's protected with a password. Could you save it without the password "
        "and send me that copy?",
        "🔒",
        (HELP,),
        "I can open it now, thank you.",
    ),
    "document_wrong_type": Template(
        "I can't read invoices from a file like {file_name} yet. Please send it as a PDF, or as an e-invoice in XML.",
        "📎",
        (HELP,),
        "That is a kind of file I can read, thank you.",
    ),
    "document_unreadable": Template(
        "I couldn't read {file_name}. Please try sending it as a PDF, or as an e-invoice in XML.",
        "📄",
        (HELP,),
        "I can read it now, thank you.",
    ),
    "document_empty": Template(
        "I opened {file_name} and there's nothing in it. Could you check the file and send it once more?",
        "🫙",
        (HELP,),
        "Now there is something in it, thank you.",
    ),
    "document_damaged": Template(
        "I can't open {file_name}: it seems to be damaged or cut short. Could you download or export it again and send "
        "me the new copy?",
        "📄",
        (HELP,),
        "The new copy works, thank you.",
    ),
    "document_not_an_invoice": Template(
        "I read {file_name} and found no invoice in it (by the looks of it: {what}). Please send me the invoice "
        "itself.",
        "🧐",
        (HELP,),
        "That is an invoice, thank you.",
    ),
    "document_unsupported": Template(
        "I can't read invoices from a file like {file_name} yet (by the looks of it: {what}). Please send it as a PDF, "
        "or as an e-invoice in XML.",
        "📎",
        (HELP,),
        "That is a kind of file I can read, thank you.",
    ),
    "document_not_converted": Template(
        "I can't read a file like {file_name} myself (by the looks of it: {what}), and what turns such files into a "
        "PDF isn't working right now. Could you save it as a PDF and send me that?",
        "🔁",
        (HELP,),
        "I can read that one, thank you.",
    ),
    "document_no_text": Template(
        "I see {file_name} holds only pictures of pages, and I can't read those yet. Could you send me the original "
        "PDF or the e-invoice from the sender?",
        "🖼️",
        (HELP,),
        "I can read that one, thank you.",
    ),
    "document_dangerous": Template(
        "I've put {file_name} aside without reading it, because it's built in a way that could do harm. Please ask the "
        "sender for a fresh copy.",
        "🛡️",
        (HELP,),
        "The fresh copy is fine, thank you.",
    ),
    "document_out_of_memory": Template(
        "I gave up on {file_name}: reading it takes more room than I have. Could you send me only the pages with the "
        "invoice?",
        "🐘",
        (HELP,),
        "That works, thank you.",
    ),
    "document_too_slow": Template(
        "I gave up on {file_name}: reading it was taking far too long. Could you send me only the pages with the "
        "invoice, or a fresh export?",
        "🐌",
        (HELP,),
        "That works, thank you.",
    ),
    "document_reader_died": Template(
        "I couldn't get through {file_name}: something in it stopped me every time. Could you send me a fresh export "
        "of the invoice?",
        "📄",
        (HELP,),
        "That works, thank you.",
    ),
    "document_link": Template(
        "I couldn't fetch {file_name} from its link. Please send me the file itself, as an attachment.",
        "🔗",
        (HELP,),
        "The file is here, thank you.",
    ),
    "document_link_too_large": Template(
        "The file behind the link for {file_name} is larger than I can read; {size_mb} MB is my limit. Could you send "
        "me a smaller version, or only the pages with the invoice, as an attachment?",
        "🐘",
        (HELP,),
        "That size works, thank you.",
    ),
    "document_link_not_found": Template(
        "I followed the link for {file_name} and there's nothing behind it any more. Please send me the file itself, "
        "as an attachment.",
        "🔗",
        (HELP,),
        "The file is here, thank you.",
    ),
    "document_link_login": Template(
        "I can't open the link for {file_name}: it's only for people who are signed in. Please send me the file "
        "itself, as an attachment.",
        "🔑",
        (HELP,),
        "The file is here, thank you.",
    ),
    "document_link_refused": Template(
        "The link for {file_name} leads to a place I'm not allowed to go. Please send me the file itself, as an "
        "attachment.",
        "🛡️",
        (HELP,),
        "The file is here, thank you.",
    ),
    "document_link_too_slow": Template(
        "Fetching {file_name} from its link was taking far too long, so I gave up. Please send me the file itself, as "
        "an attachment.",
        "🐌",
        (HELP,),
        "The file is here, thank you.",
    ),
}

_SERVICES: Final = {
    "database_connection": Template(
        "I can't get at my records this very moment. Your message is safe, and I'll carry on as soon as they're back.",
        "🗄️",
        (RETRY,),
        "My records are back, and your message is taken care of.",
    ),
    "database_timeout": Template(
        "Looking this up is taking longer than it should. I'm still trying and will write here when I have it.",
        "🗄️",
        (RETRY,),
        "Here is what you asked me to look up.",
    ),
    "network_error": Template(
        "I'm having trouble reaching the outside world right now. I'll keep trying and write here when it works again.",
        "📡",
        (RETRY,),
        "I'm connected again, and your message is taken care of.",
    ),
    "download_failed": Template(
        "I couldn't download {file_name} from the link. Please send me the file itself, as an attachment.",
        "📥",
        (RETRY,),
        "The file is here now, thank you.",
    ),
    "webhook_failed": Template(
        "Your invoice is saved. Telling your other system about it hasn't worked yet; I'll keep trying by myself.",
        "📮",
        (LAST,),
        "Your other system knows about the invoice now.",
    ),
    "cloudconvert_failed": Template(
        "I couldn't turn {file_name} into something I can read. Please send it as a PDF, or as an e-invoice in XML.",
        "🔄",
        (RETRY,),
        "The conversion has worked now.",
    ),
    "google_sheets_failed": Template(
        "Your invoice is saved. Adding it to your spreadsheet hasn't worked yet; I'll keep trying by myself.",
        "📊",
        (LAST,),
        "The invoice is in your spreadsheet now.",
    ),
}

_RECOVERY: Final = {
    "recovering": Template(
        "Something didn't go as planned on my side. I'm sorting it out, your message is safe, and you don't need to "
        "send it again.",
        "🛠️",
        (HELP,),
        "All sorted. Thank you for your patience.",
    ),
    "using_fallback": Template(
        "I've worked this one out in a simpler way than usual, so please have a quick look at whether it's right.",
        "🪂",
        (LAST,),
        "I'm working as usual again.",
    ),
    "state_recovered": Template(
        "I had to start afresh, and I've picked up our conversation where we left it. Nothing you sent is lost.",
        "💾",
        (LAST,),
        "We can carry on.",
    ),
    "state_recovered_in_part": Template(
        "I had to pick up our conversation from an older copy, and the latest steps may be missing. Please check your "
        "last invoice.",
        "💾",
        (LAST,),
        "We can carry on.",
    ),
    "store_recovered": Template(
        "I'm back with all my records, and I'm working through what I still owe you.",
        "💾",
        (LAST,),
        "Everything I owed you is done.",
    ),
}

_TURNS: Final = {
    "interim": Template(
        "Got it. This one takes a little longer; I'm still working on it and will write here shortly.",
        "⏳",
    ),
    "interim_reading": Template(
        "Got it. I'm still reading your file; a scan takes a moment. I'll write here as soon as I've read it.",
        "⏳",
    ),
    "static_final_reading": Template(
        "I'm still reading your file. It is safe, and I'll write here as soon as I've read it. You don't need to send "
        "it again.",
        "⏳",
        (),
    ),
    "static_final": Template(
        "I couldn't finish this in time. Your message is safe and I'm still working on it; I'll write here as soon as "
        "it's done. You don't need to send it again.",
        "🕰️",
        (),
        "Here is what I still owed you.",
    ),
    "static_store_away": Template(
        "I have your message and it's safe, but I can't get at my records right now. I'll work on it as soon as "
        "they're back and write here. You don't need to send it again.",
        "🗄️",
        (),
        "My records are back. Here is what I still owed you.",
    ),
    "memory_gap": Template(
        "I could not find all of our earlier conversation. Invoices that were saved are still there; if I seem to have "
        "forgotten something you told me, please tell me once more.",
        "🧩",
    ),
    "poison": Template(
        "I couldn't finish this one: something in this message stops me every time. I've set it aside for a person to "
        "look at. Please carry on with anything else in the meantime.",
        "🩹",
        (HELP,),
        "Somebody has looked at the message I couldn't finish.",
    ),
    "rejected_invalid_message": Template(
        "I couldn't take in that message, because a part of it is missing or not the way I know it. Please check it "
        "and send it again.",
        "✋",
    ),
    "rejected_too_large": Template(
        "I couldn't take in that message, because it's too large: I can take about 16,000 characters of text, and "
        "{size_mb} MB for a file. Please send it in smaller pieces.",
        "✋",
    ),
    "rejected_id_reused": Template(
        "I couldn't take in that message: it looks like one I already have, yet with other content. Please send it "
        "again as a new message.",
        "✋",
    ),
    "rejected_unreadable": Template(
        "I received something that I can't read at all. Please send it again as a message, with files attached to it.",
        "✋",
    ),
    "rejected_overloaded": Template(
        "I have more to do right now than I can handle, so I couldn't take in that message. Please send it again in a "
        "minute.",
        "✋",
    ),
}

_TALK: Final = {
    "user_input_invalid": Template(
        "I'm not sure I understood that. Could you say it in other words, or send me an invoice?",
        "💬",
        (HELP,),
        "Now I understand, thank you.",
    ),
    "unknown_command": Template(
        "I don't know what to do with {command}. Tap the button to see what I can do.",
        "💬",
        (HELP,),
        "That one I know.",
    ),
    "talk_greeting": Template("Hello! Send me an invoice, or ask me about those you have.", "👋", (HELP,)),
    "talk_help": Template(
        "Send me an invoice as an attachment, and I'll read and save it. Then just write what you need: "
        '"what is due?", "how much did I spend on ACME this year?", "I paid it yesterday", "the total is 120.50".',
        "💡",
        (HELP,),
    ),
    "talk_capabilities": Template(
        "I read invoices, check them and keep them in your ledger. I find, add up and compare them, tell you what is "
        "due or overdue, note what is paid, correct or delete one, remind you, and give you all of it as CSV, Excel, "
        "JSON or UBL. In English, German, French and Spanish.",
        "💡",
    ),
    "talk_retry": Template("Happy to try again: please send it once more.", "🔁", (HELP,)),
    "talk_thanks": Template("You're welcome! Send me the next one whenever you like.", "🙂", (LAST,)),
    "talk_farewell": Template("Goodbye! I'm here whenever the next invoice comes in.", "👋"),
    "talk_unclear": Template(
        "I'm not sure what you mean, but I'm good with invoices: send me one, or ask what is due.",
        "💬",
        (HELP,),
    ),
    "no_invoice_yet": Template(
        "I don't have an invoice from you yet. Send me one as a PDF or as an e-invoice in XML.", "📭", (HELP,)
    ),
}

TEMPLATES: Final = {**_AI_MODEL, **_DOCUMENT, **_SERVICES, **_RECOVERY, **_TURNS, **_TALK}
FAILURES: Final = (*_AI_MODEL, *_DOCUMENT, *_SERVICES, *_RECOVERY, "user_input_invalid", "unknown_command")
"""Keys of the texts about something that went wrong: each has its emoji, a button and a follow-up."""
