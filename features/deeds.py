"""What each activity turned out to be: a call that nobody answered is no call, but an attempt."""

import ibis
import ibis.expr.types as ir

from data_contracts.kinds import KindDeclaration, Kinds
from data_contracts.vocabulary import Direction


def as_done(activities: ir.Table, kinds: Kinds) -> ir.Table:
    """The activities with the kind that each turned out to be, and with a direction where the CRM says none.

    | an activity of a kind with `least_seconds` or `outcomes` | is of |
    |---|---|
    | that lasted less, or ended in another outcome | the kind `otherwise`; of no kind where there is none (null) |
    | any other, and one of which neither is recorded | its kind |

    A missing direction is that of the kind that the CRM's word stands for. Without it, a CRM that records no direction
    would have leads that do nothing and that nobody contacts.

    Parameters
    ----------
    activities
        The canonical table, or any with its columns `kind`, `direction`, `duration_seconds` and `outcome`.
    kinds
        The declared ones.
    """
    by_us = [name for name, declared in kinds.items() if declared.direction is Direction.OUTBOUND]
    usual = activities.kind.isin(by_us).ifelse(Direction.OUTBOUND.value, Direction.INBOUND.value)
    not_done = [
        ((activities.kind == name) & _is_not_the_deed(activities, declared), _alternative(declared))
        for name, declared in kinds.items()
        if declared.is_conditional
    ]
    kind = ibis.cases(*not_done, else_=activities.kind) if not_done else activities.kind
    return activities.mutate(kind=kind, direction=activities.direction.fill_null(usual))


def _is_not_the_deed(activities: ir.Table, declared: KindDeclaration) -> ir.BooleanValue:
    """Whether the CRM records that it lasted less, or that it ended in an outcome that does not count."""
    found = activities.duration_seconds < declared.least_seconds
    if declared.outcomes:
        counting = sorted({outcome.strip().lower() for outcome in declared.outcomes})
        found = found.fill_null(False) | activities.outcome.lower().notin(counting)
    return found.fill_null(False)


def _alternative(declared: KindDeclaration) -> ir.StringValue:
    return ibis.literal(declared.otherwise) if declared.otherwise else ibis.null("string")
