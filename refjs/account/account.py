"""An account: subjects, and with them streams, are isolated from those of every other (PRO-ACC-001)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, final

from refjs.account.subscription import Subscription
from refjs.subject.grammar import has_wildcards
from refjs.subject.interest import Interest
from refjs.types.units import Subject

GLOBAL: Final = "$G"
"""Where connections live that no configuration puts elsewhere (PRO-ACC-008)."""

Observer: TypeAlias = Callable[[Subscription, int], None]

_ROUTES_MAX: Final = 8192


@final
class Route:
    """Who receives what is published on one subject: every plain subscription, one member of each group."""

    __slots__ = ("groups", "plain")

    def __init__(self, subscriptions: tuple[Subscription, ...]) -> None:
        self.plain = [s for s in subscriptions if not s.queue]
        groups: dict[bytes, list[Subscription]] = {}
        for subscription in subscriptions:
            if subscription.queue:
                groups.setdefault(subscription.queue, []).append(subscription)
        self.groups = list(groups.values())


@final
class Account:
    """The subscriptions of one account, and the routes found among them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._interest: Interest[Subscription] = Interest()
        self._all: dict[Subscription, None] = {}
        self._routes: dict[Subject, Route] = {}
        self.observers: list[Observer] = []
        """Told of every subscription that began (+1) or ended (-1)."""

    def __len__(self) -> int:
        return len(self._interest)

    def subscriptions(self) -> list[Subscription]:
        """Return every subscription, in order of its beginning."""
        return list(self._all)

    def subscribe(self, subscription: Subscription) -> None:
        """Add ``subscription``; its subject must be a valid pattern."""
        self._interest.insert(subscription.subject, subscription)
        self._all[subscription] = None
        self._changed(subscription, 1)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Remove ``subscription``."""
        self._interest.remove(subscription.subject, subscription)
        del self._all[subscription]
        self._changed(subscription, -1)

    def _changed(self, subscription: Subscription, delta: int) -> None:
        if has_wildcards(subscription.subject):
            self._routes.clear()
        else:
            self._routes.pop(subscription.subject, None)
        for observer in self.observers:
            observer(subscription, delta)

    def route(self, subject: Subject) -> Route:
        """Return who receives what is published on ``subject``; the cost does not depend on how many subscribe."""
        route = self._routes.get(subject)
        if route is None:
            if len(self._routes) >= _ROUTES_MAX:
                self._routes.clear()
            route = Route(self._interest.match(subject))
            self._routes[subject] = route
        return route

    def has_interest(self, subject: Subject) -> bool:
        """Tell whether anybody receives what is published on ``subject``."""
        route = self.route(subject)
        return bool(route.plain or route.groups)
