"""Everyday words that look like mistyped words of a vocabulary, and are none: they are never mended."""

from typing import Final

_ENGLISH: Final = """
think thing things match watch catch patch later letter matter water paper papers taper payer layer player light
might right night sight fight after other others mother brother where there their these those three whole while
white write wrote quote quota quite quiet house mouse horse hours ours yours should could would world word words
work works worth north south month mouth count counts court mount sound round found bound ground around account
aunt spend spell speed speech sport spot stop step steps store story state states stats start chart charts charge
change chance charm share shape shade shown shows shower slow close closed clear cleared learn year years tears
bears heart heard board bored place plane plain plate late later rate date dated data gate bank banks thank
rank blank book books look looks cook took tool tools total trade train trail trial track truck trick price prize
prime print point paint faint saint giant grant great greet green groan grown group soup sound money honey monkey
funny sunny send sent cent tent rent went want wants wanted waste taste paste post posts most cost lost host past
fast last least best test rest west list listen mist fist first thirst third bird birth girl dinner diner winner
meeting meeting's weather whether leather father rather gather bother broth cloth clothes travel gravel marvel
office officer police policy notice noticed voice choice invite invited invoke person reason season lesson
friend friends trend extra exact except accept expect export expert import report support deport sport
"""
_GERMAN: Final = """
erzahl erzahle erzahlen wahlen wahle gewahlt gezahlte zahne zahlt strafe strasse stelle stellen welle helle
sache sachen lachen machen wachen suchen besuchen buchen kuchen kochen wochen sagen tragen fragen lagen waren
wagen jagen magen legen regen wegen gegen leben geben haben lieben liebe liebes dieses diesen wiese weise reise
preise kreise kleine kleines meine deine seine feine weine beine steine leute laute heute beute haute bitten
mitten sitten hinten unten enten ernten lernen lehren kehren ehren jahren fahren waehlen nehmen kommen genommen
stimmen schwimmen sonne tonne wonne besser messer wasser fehlen fehlt wetter vetter better kette nette wette
"""
_FRENCH: Final = """
peser poser passer penser pouvoir devoir savoir avoir revoir recevoir parler porter partir sortir sentir venir
tenir finir choisir plaisir desir madame monsieur enfant enfants avant autant quand grand blanc banc chant champ
chose choses cause pause rose prose marche marchand march parle parti partie sortie ville fille vielle vieille
temps tempo forte porte perte verte veste reste poste poisson boisson maison raison saison laver lever rever
"""
_SPANISH: Final = """
pasar pesar posar parar pagan pegar pegado jugar lugar llegar llevar lavar sabor saber haber deber comer correr
coger mujer ayuda ayuno mundo mando manda cuando cuanto cuento cuenta puerta puerto fuerte fuerza mesa mesas
casa casas cosa cosas caso casos paso pasos peso pesos beso besos verano hermano mano manos nieve nueve
tiempo campo tarde carne parte padre madre verde viernes invierno gobierno buscar buscan
"""
ORDINARY: Final = frozenset(f"{_ENGLISH} {_GERMAN} {_FRENCH} {_SPANISH}".split())
"""In every language, plain."""
