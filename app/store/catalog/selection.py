"""What a query selects of a network: matched on the card once, then turned into conditions where they are needed."""

from dataclasses import dataclass
from functools import cached_property

from app.contract.network import NetworkCard
from app.contract.unit_query import UnitQuery
from app.store.catalog.card_match import CardMatch, MatchedUnits, match_card
from app.store.catalog.filters import COLUMN_FILTERS, Conditions, card_conditions, column_conditions


@dataclass(frozen=True)
class Selection:
    """The units of a network that pass the filters of a query. Raises UnknownLayer and UnknownClass when it is made."""

    card: NetworkCard
    network_id: int
    query: UnitQuery
    match: CardMatch

    @classmethod
    def of(cls, card: NetworkCard, network_id: int, query: UnitQuery) -> "Selection":
        return cls(card, network_id, query, match_card(card, query))

    @cached_property
    def count_on_card(self) -> int:
        """Return how many units pass the filters that the card alone can answer."""
        return self.match.count(self.card)

    @property
    def needs_unit_rows(self) -> bool:
        """Return whether neither the card nor the stored counts can tell how many units pass."""
        uncounted = (field for field, column_filter in COLUMN_FILTERS.items() if not column_filter.is_counted)
        return any(getattr(self.query, field) is not None for field in uncounted) or bool(self.match.detecting)

    @property
    def needs_database(self) -> bool:
        """Return whether the card alone cannot tell how many units pass."""
        return any(getattr(self.query, field) is not None for field in COLUMN_FILTERS) or bool(self.match.detecting)

    @property
    def has_partial_layers(self) -> bool:
        """Return whether some layers are selected in part."""
        return bool(self.match.partial_layers)

    def conditions(self, *, scan: bool = False, only: MatchedUnits | None = None) -> Conditions:
        """Return the conditions of all filters; `scan` as in ColumnFilter, `only` for a part of the match."""
        units, detecting = (self.match.units, self.match.detecting) if only is None else (only, {})
        by_card = card_conditions(self.network_id, self.card, units, detecting)
        return [*by_card, *column_conditions(self.card, self.query, scan=scan)]
