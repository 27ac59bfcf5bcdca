"""English."""

from typing import Final

from invoices.intents.vocabulary.entry import Vocabulary

ENGLISH: Final = Vocabulary(
    language="en",
    common="the is are was were i my me you your it this that these those what which who when where how do does did can"
    " could would should have has had not no yes and or but of to from with for on in at by an please thanks hello"
    " invoice invoices bill bills paid pay due show all much many last first than there any anything everything as give make we our"
    " us want need will just about something biggest largest smallest highest cheapest average most expensive pay don't didn't isn't haven't it's that's i'm what's",
    concepts={
        "greeting": "hi+|hiya|hello|hey+|howdy|yo|greetings|good (?:morning|mornin|afternoon|evening|day)|morning|evening",
        "thanks": "thanks?|thank you|thank u|thx|ty|cheers|awesome|much appreciated|great|perfect|wonderful|well done",
        "farewell": "bye+|goodbye|bye bye|see (?:you|ya)|see you later|good ?night|talk (?:to you )?later|cya"
        "|that'?s (?:all|it)(?: for today)?|have a (?:nice|good) (?:day|evening|weekend|one)",
        "yes": "yes+|yeah|yep|yup|yea|sure|ok|okay|k|right|correct|exactly|indeed|of course|absolutely|confirm(?:ed)?"
        "|go ahead|do it|please do|looks? (?:good|right|fine|ok)|all good|fine|(?:that'?s|that is|it'?s) (?:right|correct|fine|ok|it)"
        "|sounds good|save it|definitely|affirmative",
        "no": "no+|nope|nah|nay|don'?t|do not|negative|not (?:now|really|this)|rather not",
        "never_mind": "never ?mind|forget (?:it|that|about it)|cancel(?: (?:it|that|this))?|abort|stop|leave it"
        "|don'?t bother|skip (?:it|that|this)|drop it|discard (?:it|that)|scrap that|ignore (?:it|that)",
        "help": "help|how (?:do|can|does|should) (?:i|this|it)|what now|/help|/start|i(?:'m| am) (?:lost|stuck)|instructions",
        "capabilities": "what (?:all )?(?:can|do) (?:you|u) (?:do|know|read|understand|offer)|(?:who|what) are you"
        "|what(?: all)? are you (?:able|capable)(?: to| of)?|capabilit(?:y|ies)|how do you work|what(?:'s| is) this bot|your features|what can i (?:ask|do)",
        "retry": "try (?:it |that )?(?:again|once more)|again please|once more|retry|one more time",
        "show": "show|display|open|see|view|details?|status|state|look at|tell me about|what about|pull up|what happened",
        "all": "all|every|everything|list|overview",
        "which": "which|what|who|any|anything|are there|do i have|list|how many",
        "when_question": "when|by when|until when|what day",
        "question": "did|have i|has|is it|is the|was|are|am i|do i",
        "how_much": "how much|how many (?:euros|dollars|pounds)|what(?:'s| is| was) the (?:total|sum|amount)|what did (?:we|i) (?:spend|pay)",
        "spent": "spent|spend|spending|spendings|expenses?|costs?|cost us|expenditure|went to|paid to|pay in total",
        "sum": "total|sum|sum up|add up|altogether|in total|totals",
        "compare": "compare|compared (?:to|with)|comparison|versus|vs|v|against|in comparison|difference between",
        "than": "(?:more|less|higher|lower|bigger|smaller|cheaper) than|up or down",
        "due": "due|falls due|deadlines?|payable|pay by",
        "owed": "owe|owed|owing|still open|open (?:invoices?|bills?|amounts?|items?)|what(?:'s| is| are)? (?:still )?open|outstanding"
        "|(?:have|need|got) to (?:be paid|pay)|must i pay|should i pay|to pay|left to pay|to be paid|pending|upcoming(?: payments?)?|coming up",
        "overdue": "overdue|over due|past due|(?:already |too |running )?late|behind(?: on)?|missed|in arrears",
        "paid": "(?:did|have) (?:i|we) (?:already |ever )?pay|paid|payed|settled|transferred|wired|taken care of|cleared|sent the money|made the payment|paying",
        "not_paid": "(?:not|never|n't|nt) (?:yet |really |actually )?(?:been )?(?:paid|payed|settled|transferred)|payment (?:bounced|failed|was returned)"
        "|(?:isn'?t|wasn'?t|aren'?t|haven'?t|hasn'?t|didn'?t|hadn'?t)(?: (?:yet|actually|been))* (?:paid|payed|pay|settled|transferred)",
        "unpaid": "unpaid|un-paid",
        "still": "still|yet|after all|again|actually",
        "mark": "mark|set|flag|tag|make|put",
        "delete": "delete|remove|erase|get rid of|throw (?:it |that |this )?(?:away|out)|trash|bin (?:it|that|this)|wipe|undo",
        "export": "export|download|spreadsheet",
        "send": "send|give|gimme|get|want|need|have|as|in|make|create|download|can i|could i",
        "csv": "csv",
        "xlsx": "xlsx?|excel|spreadsheet|workbook",
        "json": "json",
        "ubl": "ubl|xml|e-?invoice format|xrechnung|peppol",
        "speak": "speak|talk|write|answer|reply|respond|switch|change|language|use|in|continue|chat",
        "currency_word": "currency|currencies",
        "by_default": "default|by default|always|my currency|use|set|prefer|show|home currency|standard",
        "remind": "remind|nudge|ping|alert|notify|reminder|let me know|wake me",
        "reminders": "reminders|notifications|alerts|reminding me|remind me (?:always|every)|nudges",
        "off": "off|stop|no more|disable|don'?t|do not|without|quit|mute|never|turn off|cancel|no",
        "always": "on|enable|always|every|each|turn on|activate|want|give me|start|before|send",
        "invoice": "invoice|bill|receipt|document",
        "invoices": "invoices|bills|receipts|documents|ones|credit notes",
        "credit_note": "credit notes?|credits|refunds?",
        "last_one": "(?:last|latest|most recent|recent|previous|newest) (?:invoice|bill|one|document|receipt)|the (?:last|latest|newest|previous)"
        "|(?:last|latest|newest)(?= \\d|$)",
        "it": "it|that|this|that one|this one|them|the invoice|the bill|this (?:invoice|bill)|that (?:invoice|bill)",
        "arrived": "came in|come in|arrived|received|got in|recorded|saved|sent you|did i send|booked",
        "wrong": "wrong|incorrect|not right|not correct|false|mistake|correct (?:it|this|that|the|my|invoice|a)|change (?:it|this|that|the)"
        "|fix (?:it|this|that|the)|edit(?: it| this| that| the)?|amend|update (?:it|this|that|the)|correction|misread",
        "right": "should be|must be|has to be|ought to be|is actually|actually is|make it|change (?:it )?to|really is|instead|is really",
        "record": "record|save|add|enter|book|register|file|note(?: down)?|log|new invoice|new bill",
        "about": "about|say|says|said|of",
    },
    languages={"en": "english", "de": "german|deutsch", "fr": "french|fran[cç]ais", "es": "spanish|espa[nñ]ol|castellano"},
    currencies={
        "EUR": "euros?|eur|€", "USD": "(?:us )?dollars?|usd|bucks", "GBP": "pounds?|gbp|sterling|quid", "CHF": "swiss francs?|francs?|chf",
        "PLN": "z[lł]oty|pln", "CAD": "canadian dollars?|cad", "AUD": "australian dollars?|aud", "SEK": "sek|swedish krona", "JPY": "yen|jpy",
    },
    fields={
        "number": "(?:invoice |bill )?(?:number|no\\.?|num)|invoice id",
        "due_date": "due date|payment date|deadline|payable by|pay by|due(?: on| by)?",
        "issue_date": "(?:invoice|issue|billing) date|date(?: of (?:the )?(?:invoice|issue))?|issued(?: on)?|dated",
        "net": "net(?: amount| total| sum)?|amount (?:without|before|excluding) (?:vat|tax)|subtotal",
        "tax": "vat(?: amount)?|tax(?: amount)?|sales tax",
        "gross": "gross(?: amount| total)?|grand total|total(?: amount| sum| price)?|amount|sum|price",
        "payable": "amount (?:due|payable)|left to pay|payable amount|balance",
        "iban": "iban|bank account|account(?: number)?",
        "seller.vat_id": "(?:supplier'?s? |seller'?s? |their )?vat (?:id|number|no\\.?)|tax (?:id|number)",
        "buyer.name": "buyer|customer|client|billed to|recipient|addressed to",
        "seller.name": "supplier|seller|vendor|company|sender|issuer|shop|name|from",
        "currency": "currency",
    },
    links="is|are|was|should be|must be|has to be|ought to be|be|it'?s|to|actually|really|on|of|called|named|reads|says|=|:|,|the|as|into|equals|not right|wrong",
    months=(
        "january|jan", "february|feb", "march|mar", "april|apr", "may", "june|jun", "july|jul", "august|aug",
        "september|sept|sep", "october|oct", "november|nov", "december|dec",
    ),
    weekdays=("monday|mon", "tuesday|tues|tue", "wednesday|wed", "thursday|thurs|thu", "friday|fri", "saturday|sat", "sunday|sun"),
    numbers=("one|a|an", "two|a couple of", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    ordinals=("first|1st", "second|2nd", "third|3rd", "fourth|4th", "fifth|5th", "sixth|6th", "seventh|7th", "eighth|8th", "ninth|9th", "tenth|10th"),
    units={"day": "days?", "week": "weeks?|wk", "month": "months?", "quarter": "quarters?", "year": "years?|yr"},
    this="this|the current|current",
    previous="last|past|the last|the past|previous|the previous",
    following="next|the next|the coming|coming|following",
    today="today|now|tonight",
    yesterday="yesterday",
    tomorrow="tomorrow|tmrw",
    since="since|after|starting|beginning",
    until="until|till|before|by|up to",
    between="between|from",
    conjunction="and|to|until|till|-",
    within="in|within|for|of|during",
    ahead="in|within",
    ago="ago",
    end_of="(?:the )?end of (?:the |this )?",
    before_due="before|ahead|prior|in advance|earlier",
    quarter="q|quarter|first quarter",
    over="over|more than|above|greater than|larger than|bigger than|higher than|at least|from|exceeding|>",
    under="under|less than|below|smaller than|lower than|at most|up to|cheaper than|<",
    thousand="k|thousand|grand",
    from_names="from|by|at|with|to|for|of|on|named|called|supplier|vendor|shop",
    decimal_comma=False,
)  # fmt: skip
