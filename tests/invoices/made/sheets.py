"""Made-up invoices set on sheets: heads, tables and totals in the ways that offices, shops and trades set them."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from made.canvas import WIDTH, Canvas, width_of
from made.truth import Made

_LEFT, _RIGHT = 50.0, 545.0
_ROWS_A_PAGE = 28


class Sheet:
    """One invoice being set. Every choice of words and places comes from `draw`."""

    def __init__(self, made: Made, draw: Random) -> None:
        self.made, self.draw, self.country = made, draw, made.country
        self.canvas = Canvas(size=draw.choice((8.0, 9.0, 10.0)))
        self.pitch = self.canvas.size * draw.choice((1.25, 1.4, 1.6))
        self.y = 40.0

    def put(self, x: float, text: str, *, right: bool = False, dy: float = 0.0, size: float | None = None) -> None:
        """Write one text in the line under way, or `dy` points beneath it."""
        self.canvas.put(x, self.y + dy, text, right=right, size=size)

    def down(self, lines: float = 1.0) -> None:
        """Go on some lines further down."""
        self.y += lines * self.pitch

    def word(self, *choices: str) -> str:
        """One of several words."""
        return self.draw.choice(choices)

    def colon(self, label: str) -> str:
        """A label as this invoice ends them."""
        return label if label.endswith(":") or not self.colons else label + ":"

    def facts(self, *, titled: bool) -> list[tuple[str, str]]:
        """The head's labels and values; the number is left out where the title has it."""
        made, country, truth = self.made, self.country, self.made.truth
        found = [] if titled else [(self.word(*country.number), str(truth["number"]))]
        rest = [(self.word(*country.date), made.day(truth["issue_date"]))]  # type: ignore[arg-type]
        if truth["due_date"]:
            rest.append((self.word(*country.due), made.day(truth["due_date"])))  # type: ignore[arg-type]
        rest += [(self.word(*getattr(country, name)), value) for name, value in made.others.items()]
        if self.draw.random() < 0.4:
            rest.append((self.word(*country.delivered), made.day(made.delivered)))
        if self.draw.random() < 0.3:
            self.draw.shuffle(rest)
        return found + rest

    def set(self) -> Canvas:
        """Head, table, totals and foot."""
        self.colons = self.draw.random() < 0.5
        self.style = self.word("letter", "letterhead", "columns", "strip", "far", "titled")
        getattr(self, f"_{self.style}")()
        self.down(1.5)
        self._table()
        self.down(0.8)
        self._totals()
        self.down(1.5)
        self._terms()
        self._foot()
        return self.canvas

    # fmt: off
    def _title(self) -> str:
        country = self.country
        return self.word(*(country.credit_title if self.made.is_credit else country.title))

    def _seller(self, x: float, *, right: bool = False) -> None:
        for line in (str(self.made.truth["seller.name"]), *self.made.seller_lines):
            self.put(x, line, right=right)
            self.down()

    def _address(self, x: float, name: str, lines: tuple[str, ...], y: float) -> float:
        for place, line in enumerate((name, *lines)):
            self.canvas.put(x, y + place * self.pitch, line)
        return y + (1 + len(lines)) * self.pitch
    # fmt: on

    def _letter(self) -> None:
        """A sender's line above the address, the facts at the right."""
        truth, made = self.made.truth, self.made
        dash = self.word(" - ", " · ", ", ", " | ")
        self.y = 120.0
        self.put(_LEFT, dash.join((str(truth["seller.name"]), *made.seller_lines)), size=7)
        self.down(1.5)
        top = self.y
        bottom = self._address(_LEFT, str(truth["buyer.name"]), made.buyer_lines, top)
        facts = self.facts(titled=False)
        for place, (label, value) in enumerate(facts):
            self.canvas.put(350, top + place * self.pitch, self.colon(label))
            self.canvas.put(
                *(
                    (_RIGHT, top + place * self.pitch, value)
                    if self._ragged()
                    else (460, top + place * self.pitch, value)
                ),
                right=self._ragged(),
            )
        self.y = max(bottom, top + len(facts) * self.pitch) + 2 * self.pitch
        self.put(_LEFT, self._title(), size=self.canvas.size + 5)
        self.down(2)

    def _ragged(self) -> bool:
        return self.canvas.size < 9

    def _letterhead(self) -> None:
        """The seller at the top, the title at the right, the buyer under its heading and the facts beside."""
        truth, made = self.made.truth, self.made
        self.put(_RIGHT, self._title(), right=True, size=18)
        self._seller(_LEFT)
        self.down(2)
        top = self.y
        self.put(_LEFT, self.colon(self.word(*self.country.buyer)))
        bottom = self._address(_LEFT, str(truth["buyer.name"]), made.buyer_lines, top + self.pitch)
        facts = self.facts(titled=False)
        for place, (label, value) in enumerate(facts):
            self.canvas.put(330, top + place * self.pitch, self.colon(label))
            self.canvas.put(_RIGHT, top + place * self.pitch, value, right=True)
        self.y = max(bottom, top + len(facts) * self.pitch) + self.pitch

    def _columns(self) -> None:
        """Seller, buyer and often a delivery address side by side under headings; facts in rows beneath."""
        truth, made, country = self.made.truth, self.made, self.country
        self.put(_LEFT, self._title(), size=16)
        self.down(3)
        top = self.y
        ships = self.draw.random() < 0.4
        places = [
            (self.word(*country.seller), str(truth["seller.name"]), made.seller_lines),
            (self.word(*country.buyer), str(truth["buyer.name"]), made.buyer_lines),
        ]
        if ships:
            places.append((self.word(*country.ship), made.ship_lines[0], made.ship_lines[1:]))
        for place, (head, name, lines) in enumerate(places):
            self.canvas.put(_LEFT + place * 175, top, self.colon(head))
            self._address(_LEFT + place * 175, name, lines, top + self.pitch)
        self.y = top + 5.5 * self.pitch
        for label, value in self.facts(titled=False):
            self.put(_LEFT, self.colon(label))
            self.put(190, value)
            self.down()

    def _strip(self) -> None:
        """Labels in one row, their values beneath."""
        truth, made = self.made.truth, self.made
        self._seller(_RIGHT, right=True)
        self.down(2)
        self.put(_LEFT, self.colon(self.word(*self.country.buyer)))
        self.y = self._address(_LEFT, str(truth["buyer.name"]), made.buyer_lines, self.y + self.pitch) + 2 * self.pitch
        self.put(_LEFT, self._title(), size=16)
        self.down(3)
        facts = self.facts(titled=False)
        if not self._fits([max(fact, key=len) for fact in facts], self.canvas.size):
            for label, value in facts:
                self.put(_LEFT, f"{self.colon(label)} {value}")
                self.down()
            return
        pitch = (_RIGHT - _LEFT) / max(len(facts), 1)
        for place, (label, value) in enumerate(facts):
            self.put(_LEFT + place * pitch, label, size=7)
            self.put(_LEFT + place * pitch, value, dy=self.pitch)
        self.down(2)

    def _far(self) -> None:
        """Labels at the left edge and values at the right one."""
        truth, made = self.made.truth, self.made
        self._seller(_LEFT)
        self.down()
        self.put(_LEFT, self._title(), size=14)
        self.down(2.5)
        for label, value in self.facts(titled=False):
            self.put(_LEFT, self.colon(label))
            self.put(_RIGHT, value, right=True)
            self.down()
        self.down()
        self.put(_LEFT, self.colon(self.word(*self.country.buyer)))
        self.y = self._address(_LEFT, str(truth["buyer.name"]), made.buyer_lines, self.y + self.pitch)

    def _titled(self) -> None:
        """Number, and often the date, in the title."""
        truth, made, country = self.made.truth, self.made, self.country
        self._seller(330)
        self.down(2)
        self.y = self._address(_LEFT, str(truth["buyer.name"]), made.buyer_lines, self.y) + 2 * self.pitch
        mark = self.word(
            "",
            " Nr."
            if country.language == "de"
            else " No."
            if country.language == "en"
            else " n°"
            if country.language == "fr"
            else " n.",
        )
        title = f"{self._title()}{mark} {truth['number']}"
        facts = self.facts(titled=True)
        if self.draw.random() < 0.5:
            day = made.day(truth["issue_date"])  # type: ignore[arg-type]
            title += f" {country.dated} {day}"
            facts = [fact for fact in facts if fact[0] not in country.date or fact[1] != day]
        self.put(_LEFT, title, size=12)
        self.down(2)
        for label, value in facts:
            self.put(_LEFT, f"{self.colon(label)} {value}")
            self.down()

    def _table(self) -> None:
        made, country = self.made, self.country
        heads = [self.word(*words) for words in country.heads]
        edges = (_LEFT + 25, 330.0, 400.0, 450.0, _RIGHT)
        bare = self.draw.random() < 0.5
        show_rate, show_place = self.draw.random() < 0.5, self.draw.random() < 0.5

        def head() -> None:
            self.put(edges[0], heads[0])
            for place in (1, 2, 3, 4):
                if place != 3 or show_rate:
                    self.put(edges[place], heads[place], right=True)
            self.down(1.5)

        head()
        carried = Decimal(0)
        for count, row in enumerate(made.rows):
            if self.y > 760 or (count and count % _ROWS_A_PAGE == 0):
                self.put(edges[0], country.carried)
                self.put(_RIGHT, made.money(carried, bare=bare), right=True)
                self._new_page(count // _ROWS_A_PAGE + 1)
                head()
                self.put(edges[0], country.carried)
                self.put(_RIGHT, made.money(carried, bare=bare), right=True)
                self.down()
            if show_place:
                self.put(_LEFT, str(count + 1))
            self.put(edges[0], row.text)
            self.put(edges[1], str(row.quantity), right=True)
            self.put(edges[2], made.money(row.price, bare=bare).replace("-", ""), right=True)
            if show_rate:
                self.put(
                    edges[3], f"{row.rate:f}".replace(".", made.separators[1]) + (" %" if bare else ""), right=True
                )
            self.put(edges[4], made.money(row.net, bare=bare), right=True)
            carried += row.net
            self.down()

    def _new_page(self, number: int) -> None:
        self.canvas.turn()
        self.y = 40.0
        self.put(_LEFT, str(self.made.truth["seller.name"]), size=8)
        self.put(_RIGHT, self.country.page.format(number, 2), right=True)
        self.down(2)

    def _sums(self) -> list[tuple[str, Decimal]]:
        made, country = self.made, self.country
        rows: list[tuple[str, Decimal]] = []
        if made.discount or made.freight:
            rows.append((self.word(*country.subtotal), made.subtotal))
            rows += [(self.word(*country.discount), -made.discount)] if made.discount else []
            rows += [(self.word(*country.freight), made.freight)] if made.freight else []
        rows.append((self.word(*country.net), made.truth["net"]))  # type: ignore[arg-type]
        taxed = [part for part in made.parts if part.tax]
        rows += [(self.word(*country.tax).format(self.rate(part.rate)), part.tax) for part in taxed]
        if (len(taxed) > 1 and self.draw.random() < 0.5) or (not taxed and self.draw.random() < 0.5):
            rows.append((self.word(*country.tax_total), made.truth["tax"]))  # type: ignore[arg-type]
        rows.append((self.word(*country.gross), made.truth["gross"]))  # type: ignore[arg-type]
        if made.prepaid:
            rows += [(self.word(*country.prepaid), -made.prepaid if self.draw.random() < 0.5 else made.prepaid)]
            rows += [(self.word(*country.payable), made.truth["payable"])]  # type: ignore[list-item]
        elif self.draw.random() < 0.2:
            rows.append((self.word(*country.payable), made.truth["payable"]))  # type: ignore[arg-type]
        return rows

    def rate(self, rate: Decimal) -> str:
        """A percentage without its sign."""
        return f"{rate:f}".replace(".", self.made.separators[1])

    def _totals(self) -> None:
        if self.y > 640:
            self._new_page(2)
        style = self.word("right", "right", "far", "table", "head")
        if style == "table" and not self.made.is_reverse:
            self._rates()
        rows = self._sums()
        if style == "head" and self._fits([label for label, _ in rows], 7.0):
            self._headed(rows)
            return
        x = 330.0 if style != "far" else _LEFT
        for label, amount in rows:
            self.put(x, self.colon(label))
            self.put(_RIGHT, self.made.money(amount), right=True)
            self.down(1.1)

    def _rates(self) -> None:
        """The table of rates: rate, base, tax, gross."""
        heads = [self.word(*words) for words in self.country.tax_heads]
        edges = (120.0, 200.0, 270.0, 345.0)
        for edge, head in zip(edges, heads, strict=True):
            self.put(edge, head, right=True)
        self.down(1.2)
        for part in self.made.parts:
            cells = (
                f"{self.rate(part.rate)} %",
                *(self.made.money(one, bare=True) for one in (part.net, part.tax, part.net + part.tax)),
            )
            for edge, cell in zip(edges, cells, strict=True):
                self.put(edge, cell, right=True)
            self.down()
        self.down(0.6)

    @staticmethod
    def _fits(texts: list[str], size: float) -> bool:
        """Whether texts have room beside each other in columns of equal width."""
        pitch = (_RIGHT - _LEFT) / max(len(texts), 1)
        return all(width_of(text, size) < pitch - size for text in texts)

    def _headed(self, rows: list[tuple[str, Decimal]]) -> None:
        """Totals in one row under their labels."""
        pitch = (_RIGHT - _LEFT) / len(rows)
        for place, (label, amount) in enumerate(rows):
            self.put(_LEFT + (place + 1) * pitch, label, right=True, size=min(7.0, self.canvas.size))
            self.put(
                _LEFT + (place + 1) * pitch,
                self.made.money(amount),
                right=True,
                dy=self.pitch,
                size=min(8.0, self.canvas.size),
            )
        self.down(2)

    def _terms(self) -> None:
        made, country = self.made, self.country
        if made.is_reverse:
            self.put(_LEFT, self.word(*country.reverse))
            self.down()
        if self.draw.random() < 0.2 and not made.is_credit:
            early = (made.truth["payable"] * Decimal("0.98")).quantize(Decimal("0.01"))  # type: ignore[operator]
            self.put(_LEFT, self.word(*country.early).format(made.day(made.early), made.money(early)))
            self.down()
        if made.debited:
            spaced = " ".join(made.debited[place : place + 4] for place in range(0, len(made.debited), 4))
            self.put(_LEFT, self.word(*country.debited).format(self.word(spaced, made.debited)))
            self.down()
        self.put(_LEFT, self.word(*country.thanks))

    def _foot(self) -> None:
        """Three columns at the foot: name, account, register."""
        made, country, truth = self.made, self.country, self.made.truth
        columns: list[list[str]] = [[str(truth["seller.name"]), *made.seller_lines], [], [self.word(*country.imprint)]]
        if truth["iban"]:
            iban = str(truth["iban"])
            columns[1].append(
                f"{self.word(*country.iban)} " + " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
            )
        if truth["seller.vat_id"]:
            columns[2].append(f"{self.word(*country.vat_id)} {truth['seller.vat_id']}")
        if self.y > 760:
            self._new_page(3)
        self.y = max(self.y + 2 * self.pitch, 770.0)
        for place, lines in enumerate(columns):
            for offset, line in enumerate(lines):
                self.canvas.put(_LEFT + place * 175, self.y + offset * 9, line, size=6.5)


def sheet(made: Made, draw: Random) -> Canvas:
    """One invoice on its sheets."""
    assert WIDTH > _RIGHT
    return Sheet(made, draw).set()
