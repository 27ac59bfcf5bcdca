"""Sentences for every kind of intent in every language, formal and sloppy: what the rules must understand."""

from typing import Final

SENTENCES: Final = {
    "record": {
        "en": ("record an invoice from ACME over 120 euros", "add a new invoice: number 77, total 50.00", "save a bill from Miller Ltd, 45.90 EUR", "please enter an invoice of 99.90 from Shell"),
        "de": ("erfasse eine Rechnung von ACME über 120 Euro", "neue Rechnung: Nummer 77, Betrag 50,00", "bitte eine Rechnung von Müller eintragen, 45,90 EUR", "speichere eine Rechnung über 99,90 von Shell"),
        "fr": ("enregistre une facture de ACME de 120 euros", "nouvelle facture : numéro 77, total 50,00", "ajoute une facture de Dupont, 45,90 EUR", "saisis une facture de 99,90 de chez Shell"),
        "es": ("registra una factura de ACME de 120 euros", "nueva factura: número 77, total 50,00", "añade una factura de García, 45,90 EUR", "guarda una factura de 99,90 de Shell"),
    },
    "correct": {
        "en": ("the total is 120.50", "it's due next Friday", "no, the number is RE-7", "correct it", "that's wrong", "the due date should be 2026-12-01", "change the supplier to Miller & Sons", "tax is 19.00 and net is 100.00", "teh totla is 1,200.50"),
        "de": ("die Summe ist 120,50", "sie ist nächsten Freitag fällig", "nein, die Nummer ist RE-7", "das stimmt nicht", "korrigieren", "das Fälligkeitsdatum ist der 1.12.2026", "der Lieferant ist Müller & Söhne", "netto 100,00 und MwSt 19,00", "der bertag ist 1.200,50"),
        "fr": ("le total est 120,50", "l'échéance est vendredi prochain", "non, le numéro est RE-7", "c'est faux", "corrige-la", "la date d'échéance est le 1/12/2026", "le fournisseur est Dupont & Fils", "la tva est de 19,00", "le montnat est de 1 200,50"),
        "es": ("el total es 120,50", "vence el próximo viernes", "no, el número es RE-7", "está mal", "corrígela", "la fecha de vencimiento es el 1/12/2026", "el proveedor es García e Hijos", "el iva es 19,00", "el improte es 1.200,50"),
    },
    "confirm": {
        "en": ("yes", "ok", "yes, save it", "that's right"),
        "de": ("ja", "ja genau", "passt", "ja, bitte speichern"),
        "fr": ("oui", "d'accord", "oui c'est ça", "oui, enregistre"),
        "es": ("sí", "vale", "si correcto", "sí, está bien"),
    },
    "cancel": {
        "en": ("no", "cancel that", "no thanks", "nope"),
        "de": ("nein", "abbrechen", "nein danke", "lass es"),
        "fr": ("non", "annule", "non merci", "laisse"),
        "es": ("no", "cancela", "no gracias", "mejor no"),
    },
    "show": {
        "en": ("show me the last invoice", "what about my last invoice?", "status", "show invoice 2026-031", "details of the second one", "how much was the last one?", "when is it due?", "did I pay invoice RE-7?"),
        "de": ("zeig mir die letzte Rechnung", "was ist mit der letzten Rechnung?", "Status", "zeige Rechnung 2026-031", "Details zur zweiten", "wie hoch war die letzte Rechnung?", "wann ist sie fällig?", "ist die Rechnung RE-7 bezahlt?"),
        "fr": ("montre-moi la dernière facture", "où en est ma dernière facture ?", "statut", "affiche la facture 2026-031", "détails de la deuxième", "combien coûtait la dernière facture ?", "c'est pour quand ? elle est due quand ?", "est-ce que la facture RE-7 est payée ?"),
        "es": ("muéstrame la última factura", "¿qué pasa con mi última factura?", "estado", "muestra la factura 2026-031", "detalles de la segunda", "¿cuánto era la última factura?", "¿cuándo vence esta?", "¿está pagada la factura RE-7?"),
    },
    "list": {
        "en": ("list my invoices", "show all invoices from ACME", "invoices in March", "which invoices are over 500 euros?", "all unpaid invoices", "invoices since 1 May", "show me the paid invoices of last month", "what invoices do I have?"),
        "de": ("liste meine Rechnungen auf", "zeige alle Rechnungen von ACME", "Rechnungen im März", "welche Rechnungen sind über 500 Euro?", "alle unbezahlten Rechnungen", "Rechnungen seit dem 1. Mai", "zeig mir die bezahlten Rechnungen vom letzten Monat", "welche Rechnungen habe ich?"),
        "fr": ("liste mes factures", "montre toutes les factures de ACME", "factures de mars", "quelles factures dépassent 500 euros ?", "toutes les factures impayées", "les factures depuis le 1er mai", "montre-moi les factures payées du mois dernier", "quelles factures ai-je ?"),
        "es": ("lista mis facturas", "muestra todas las facturas de ACME", "facturas de marzo", "¿qué facturas superan los 500 euros?", "todas las facturas impagadas", "las facturas desde el 1 de mayo", "muéstrame las facturas pagadas del mes pasado", "¿qué facturas tengo?"),
    },
    "sum": {
        "en": ("how much did I spend on ACME this year?", "total of all invoices in March", "sum of Q2", "how much have we paid to Miller since January?"),
        "de": ("wie viel habe ich dieses Jahr bei ACME ausgegeben?", "Summe aller Rechnungen im März", "Gesamtsumme Q2", "wieviel haben wir seit Januar an Müller gezahlt?"),
        "fr": ("combien ai-je dépensé chez ACME cette année ?", "total de toutes les factures de mars", "somme du T2", "combien avons-nous payé à Dupont depuis janvier ?"),
        "es": ("¿cuánto he gastado en ACME este año?", "total de todas las facturas de marzo", "suma del T2", "¿cuánto hemos pagado a García desde enero?"),
    },
    "compare": {
        "en": ("compare March with April", "how much did I spend on ACME this year compared to last year?", "did I spend more than last month?", "Q1 vs Q2"),
        "de": ("vergleiche März mit April", "wie viel habe ich dieses Jahr bei ACME ausgegeben im Vergleich zum letzten Jahr?", "habe ich mehr als letzten Monat ausgegeben?", "Q1 gegenüber Q2"),
        "fr": ("compare mars et avril", "combien ai-je dépensé chez ACME cette année par rapport à l'année dernière ?", "ai-je dépensé plus que le mois dernier ?", "T1 vs T2"),
        "es": ("compara marzo con abril", "¿cuánto he gastado en ACME este año en comparación con el año pasado?", "¿he gastado más que el mes pasado?", "T1 frente a T2"),
    },
    "due": {
        "en": ("what's due this week?", "what do I have to pay?", "open invoices", "what is due next month?"),
        "de": ("was ist diese Woche fällig?", "was muss ich bezahlen?", "offene Rechnungen", "was wird nächsten Monat fällig?"),
        "fr": ("qu'est-ce qui arrive à échéance cette semaine ?", "que dois-je payer ?", "factures à payer", "quelles échéances le mois prochain ?"),
        "es": ("¿qué vence esta semana?", "¿qué tengo que pagar?", "facturas pendientes", "¿qué vence el mes que viene?"),
    },
    "overdue": {
        "en": ("what is overdue?", "which invoices are overdue", "am I late with anything?", "overdue bills from ACME"),
        "de": ("was ist überfällig?", "welche Rechnungen sind überfällig", "bin ich mit etwas im Verzug?", "ueberfaellige Rechnungen von ACME"),
        "fr": ("qu'est-ce qui est en retard ?", "quelles factures sont en retard", "suis-je en retard sur un paiement ?", "les factures échues de ACME"),
        "es": ("¿qué está vencido?", "qué facturas están vencidas", "¿voy con retraso en algún pago?", "facturas vencidas de ACME"),
    },
    "mark_paid": {
        "en": ("I paid the ACME invoice yesterday", "mark it as paid", "invoice 2026-031 is paid", "I've just transferred it"),
        "de": ("ich habe die Rechnung von ACME gestern bezahlt", "als bezahlt markieren", "Rechnung 2026-031 ist bezahlt", "habe ich gerade überwiesen"),
        "fr": ("j'ai payé la facture ACME hier", "marque-la comme payée", "la facture 2026-031 est payée", "je l'ai réglée ce matin"),
        "es": ("pagué la factura de ACME ayer", "márcala como pagada", "la factura 2026-031 está pagada", "ya la he pagado"),
    },
    "mark_unpaid": {
        "en": ("mark it as unpaid", "I have not paid it yet", "it isn't paid", "the payment bounced"),
        "de": ("als unbezahlt markieren", "ich habe sie noch nicht bezahlt", "die ist nicht bezahlt", "die Zahlung ging zurück"),
        "fr": ("marque-la comme impayée", "je ne l'ai pas encore payée", "elle n'est pas payée", "le virement a été rejeté, elle n'est toujours pas payée"),
        "es": ("márcala como impagada", "no la he pagado todavía", "no está pagada", "el pago rechazado, sigue sin pagar"),
    },
    "delete": {
        "en": ("delete it", "remove invoice 2026-031", "please delete the last one", "delte the second one"),
        "de": ("lösche sie", "entferne Rechnung 2026-031", "bitte die letzte löschen", "lösch die zweite"),
        "fr": ("supprime-la", "efface la facture 2026-031", "supprime la dernière facture", "enlève la deuxième"),
        "es": ("bórrala", "elimina la factura 2026-031", "borra la última", "quita la segunda"),
    },
    "export": {
        "en": ("export everything", "export as CSV", "give me all invoices as Excel", "download the invoices of March as JSON", "export it as UBL"),
        "de": ("alles exportieren", "als CSV exportieren", "gib mir alle Rechnungen als Excel", "Rechnungen vom März als JSON herunterladen", "exportiere sie als UBL"),
        "fr": ("exporte tout", "exporter en CSV", "donne-moi toutes les factures en Excel", "télécharge les factures de mars en JSON", "exporte-la en UBL"),
        "es": ("exporta todo", "exportar en CSV", "dame todas las facturas en Excel", "descarga las facturas de marzo en JSON", "expórtala en UBL"),
    },
    "set_language": {
        "en": ("speak German please", "answer in French", "switch to Spanish", "can you write in English?"),
        "de": ("bitte auf Englisch", "sprich Deutsch", "antworte auf Französisch", "kannst du Spanisch sprechen?"),
        "fr": ("parle anglais", "réponds en français", "en allemand s'il te plaît", "tu peux parler espagnol ?"),
        "es": ("habla inglés", "responde en español", "en alemán por favor", "¿puedes hablar francés?"),
    },
    "set_currency": {
        "en": ("my currency is CHF", "set the currency to US dollars", "use euros", "default currency GBP"),
        "de": ("meine Währung ist CHF", "stell die Währung auf Dollar", "nimm Euro als Währung", "Standardwährung: Währung GBP als Standard"),
        "fr": ("ma devise est le CHF", "utilise les dollars", "mets la devise en euros", "devise par défaut GBP"),
        "es": ("mi moneda es CHF", "usa dólares", "pon la moneda en euros", "moneda por defecto GBP"),
    },
    "set_reminders": {
        "en": ("turn off reminders", "turn on reminders", "don't remind me anymore", "send reminders 3 days before invoices are due"),
        "de": ("Erinnerungen ausschalten", "Erinnerungen einschalten", "erinnere mich nicht mehr", "schick Erinnerungen 3 Tage vorher"),
        "fr": ("désactive les rappels", "active les rappels", "arrête de me rappeler", "envoie des rappels 3 jours avant"),
        "es": ("desactiva los recordatorios", "activa los recordatorios", "deja de recordarme", "manda avisos 3 días antes"),
    },
    "remind": {
        "en": ("remind me on Friday", "remind me 3 days before it's due", "remind me tomorrow to pay it", "remind me in two weeks"),
        "de": ("erinnere mich am Freitag", "erinnere mich 3 Tage vor Fälligkeit", "erinnere mich morgen daran", "erinner mich in zwei Wochen"),
        "fr": ("rappelle-moi vendredi", "rappelle-moi 3 jours avant l'échéance", "rappelle-le-moi demain", "rappelle-moi dans deux semaines"),
        "es": ("recuérdame el viernes", "recuérdame 3 días antes de que venza", "recuérdamelo mañana", "avísame dentro de dos semanas"),
    },
    "help": {
        "en": ("help", "how does this work?", "/start", "?"),
        "de": ("Hilfe", "wie geht das?", "hilf mir bitte", "ich komme nicht weiter"),
        "fr": ("aide", "comment ça marche ?", "aidez-moi", "je suis perdu"),
        "es": ("ayuda", "¿cómo funciona esto?", "ayúdame", "estoy perdida"),
    },
    "capabilities": {
        "en": ("What can you do?", "who are you?", "what are you capable of", "what do you understand?"),
        "de": ("Was kannst du?", "wer bist du?", "was verstehst du?", "was kannst du denn so"),
        "fr": ("Que sais-tu faire ?", "qui es-tu ?", "qu'est-ce que tu sais faire ?", "tu peux faire quoi"),
        "es": ("¿Qué puedes hacer?", "¿quién eres?", "¿para qué sirves?", "qué haces"),
    },
    "greeting": {
        "en": ("Hello!", "hi there", "hey", "good morning"),
        "de": ("Hallo!", "guten Morgen", "servus", "grüß dich"),
        "fr": ("Bonjour !", "salut", "bonsoir", "coucou toi"),
        "es": ("¡Hola!", "buenos días", "buenas tardes", "hola, qué tal"),
    },
    "thanks": {
        "en": ("thanks", "thank you so much", "great, thanks!", "thx"),
        "de": ("danke", "vielen Dank", "super, danke!", "danke schön"),
        "fr": ("merci", "merci beaucoup", "super, merci !", "merci bien"),
        "es": ("gracias", "muchas gracias", "genial, gracias", "te lo agradezco"),
    },
    "farewell": {
        "en": ("bye", "goodbye", "see you later", "good night"),
        "de": ("tschüss", "auf Wiedersehen", "bis morgen", "gute Nacht"),
        "fr": ("au revoir", "à bientôt", "bonne soirée", "à demain"),
        "es": ("adiós", "hasta mañana", "nos vemos", "chao"),
    },
    "retry": {
        "en": ("try again", "once more please", "retry", "please try it again"),
        "de": ("versuch es nochmal", "noch einmal bitte", "versuche es erneut", "probier es noch mal"),
        "fr": ("réessaie", "essaie encore", "encore une fois", "recommence"),
        "es": ("inténtalo de nuevo", "otra vez por favor", "reintentar", "vuelve a intentarlo"),
    },
    "unclear": {
        "en": ("the weather is nice in Rome", "blue monkeys sing", "qwertz uiop", "lorem ipsum dolor"),
        "de": ("das Wetter in Rom", "blaue Affen singen", "Kartoffelsalat", "xyzzy"),
        "fr": ("le temps à Rome", "les singes bleus chantent", "pomme de terre", "abracadabra"),
        "es": ("el tiempo en Roma", "los monos azules cantan", "patatas bravas", "sin ton ni son"),
    },
    "pay": {
        "en": ("please pay invoice 123", "can you transfer the money to ACME?", "pay this now", "settle the ACME bill for me"),
        "de": ("bitte überweise die Rechnung von ACME", "bezahl die Rechnung 123", "kannst du das für mich bezahlen?", "zahle 50 Euro an Müller"),
        "fr": ("peux-tu payer la facture 123 ?", "paie ACME s'il te plaît", "fais un virement à Dupont", "payez cette facture"),
        "es": ("paga la factura 123", "¿puedes pagar a ACME?", "haz una transferencia a García", "págala por favor"),
    },
    "keep": {
        "en": ("don't delete it", "never delete anything", "keep it", "please do not change that"),
        "de": ("nicht löschen", "lösch nichts", "behalte sie", "bitte nichts ändern"),
        "fr": ("ne supprime rien", "ne la supprime pas", "garde-la", "n'efface pas la facture"),
        "es": ("no borres nada", "no la elimines", "consérvala", "mejor no borrar nada, no borrar"),
    },
}  # fmt: skip
