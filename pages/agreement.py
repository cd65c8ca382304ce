"""The agreement, the policy and the words of both teams, as tables."""

from collections.abc import Iterable, Iterator, Sequence

from data_contracts.agreement import AgreedVersion, Agreement
from data_contracts.conditions import Condition
from data_contracts.crm_mapping import CrmMapping
from data_contracts.definitions import Definitions, PointRule
from data_contracts.estimates import Estimate
from data_contracts.glossary import GLOSSARY
from data_contracts.kinds import KindDeclaration
from data_contracts.policy import Team
from data_contracts.thresholds import PublishedThresholds, TeamThreshold
from data_contracts.vocabulary import Stage
from pages.formats import Formats
from pages.tables import Column, Shown, Table, told_rows

ALL_THAT_ARE_LEFT = "all that are left"


def said_stage(stage: Stage) -> str:
    """The stage as both teams say it.

    >>> said_stage(Stage.MQL), said_stage(Stage.WON)
    ('MQL', 'won')
    """
    return stage.value.upper() if stage in (Stage.MQL, Stage.SAL, Stage.SQL) else stage.value


def said_number(value: float, formats: Formats) -> str:
    """A number of a setting with the decimals that it has, three at most.

    >>> [said_number(value, Formats("en", "EUR", "UTC")) for value in (1_000_000, 7.5)]
    ['1,000,000', '7.5']
    """
    decimals = next((n for n in range(3) if round(value, n) == value), 3)
    return formats.number(value, decimals)


def said_condition(condition: Condition, formats: Formats) -> str:
    """The condition in words.

    >>> said_condition(Condition(attribute="employees", at_least=50, at_most=999), Formats("en", "EUR", "UTC"))
    'employees from 50 to 999'
    """
    if condition.one_of:
        return said_choice(condition.attribute, condition.one_of)
    least, most = condition.at_least, condition.at_most
    if least is not None and most is not None:
        return f"{condition.attribute} from {said_number(least, formats)} to {said_number(most, formats)}"
    if least is not None:
        return f"{condition.attribute} at least {said_number(least, formats)}"
    return f"{condition.attribute} at most {said_number(most or 0.0, formats)}"


def said_choice(attribute: str, one_of: Sequence[str]) -> str:
    """That an attribute has one of some values.

    >>> said_choice("region", ("DACH", "Nordics", "UK"))
    'region is DACH, Nordics or UK'
    """
    return f"{attribute} is {either(one_of)}"


def either(words: Sequence[str]) -> str:
    """The words as alternatives."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _decimals(values: Iterable[float]) -> Shown:
    """How a column of settings is shown: without decimals where none of them has any."""
    return Shown.COUNT if all(float(value).is_integer() for value in values) else Shown.NUMBER


def criteria_table(definitions: Definitions, formats: Formats) -> Table:
    """The ideal customer profile, criterion by criterion."""
    columns = (
        Column("name", "Criterion"),
        Column("met", "Met where"),
        Column("weight", "Weight", _decimals(one.weight for one in definitions.icp.criteria)),
    )
    told = [
        {"name": one.name, "met": said_condition(one, formats), "weight": one.weight}
        for one in definitions.icp.criteria
    ]
    how = "A lead's fit is the weight of the criteria it meets, of the weight of those that are known of it."
    return Table("icp-criteria", "Criteria of the ideal customer profile", told_rows(told, columns), columns, how)


def personas_table(definitions: Definitions) -> Table:
    """The named segments of buyers."""
    columns = (Column("name", "Persona"), Column("who", "Who"))
    told = [{"name": one.name, "who": said_choice(one.attribute, one.one_of)} for one in definitions.personas]
    how = "A lead is of the first persona whose values its attribute has."
    return Table("personas", "Personas", told_rows(told, columns), columns, how)


def points_table(rule: PointRule, formats: Formats) -> Table:
    """The hand-tuned rule, line by line."""
    columns = (
        Column("for_what", "For"),
        Column(
            "points",
            "Points",
            _decimals([*(one.points for one in rule.activities), *(one.points for one in rule.attributes)]),
        ),
        Column("within", "Within"),
        Column("most", "At most", _decimals(one.max_points or 0.0 for one in rule.activities)),
    )
    told: list[dict[str, object]] = [
        {
            "for_what": f"each {one.kind}",
            "points": one.points,
            "within": f"{formats.count(one.within_days)} days",
            "most": one.max_points,
        }
        for one in rule.activities
    ]
    told += [
        {"for_what": said_choice(one.attribute, one.one_of), "points": one.points, "within": "", "most": None}
        for one in rule.attributes
    ]
    how = "Points of one lead are added up. The models are compared with this rule."
    return Table("point-rule", "Points of the hand-tuned rule", told_rows(told, columns), columns, how)


def versions_table(versions: Sequence[AgreedVersion]) -> Table:
    """Every version of the definitions, the newest first."""
    columns = (
        Column("version", "Version"),
        Column("effective_from", "Holds from", Shown.DAY),
        Column("agreed_by", "Agreed by"),
        Column("changed", "What it changed"),
    )
    told = [
        {
            "version": one.version,
            "effective_from": one.effective_from,
            "agreed_by": ", ".join(one.agreed_by),
            "changed": "; ".join(one.changed) or ("the first one that is kept" if one is versions[-1] else "nothing"),
        }
        for one in versions
    ]
    how = "Changes against the version before, by path in the settings file. No version means two things."
    return Table(
        "definition-versions", "Versions of the definitions", told_rows(told, columns), columns, how, cards=True
    )


def teams_table(agreement: Agreement, formats: Formats) -> Table:
    """The teams of the policy in force, with capacity, boundary and what that is expected to bring."""
    thresholds = agreement.thresholds
    policy = thresholds.policy if thresholds else agreement.settings.policy
    drawn = {one.team: one for one in thresholds.teams} if thresholds else {}
    is_share = policy.ranked_by == "probability"
    columns = (
        Column("team", "Team"),
        Column("whose", "Whose leads"),
        Column("leads_per_week", "Can work a week", _decimals(one.leads_per_week for one in policy.teams)),
        Column("boundary", "Eligible from", Shown.SHARE if is_share else Shown.MONEY),
        Column("leads", "Expected a week", Shown.NUMBER, low="leads_low", high="leads_high"),
        Column("precision", "Of which convert", Shown.SHARE, low="precision_low", high="precision_high"),
        Column("said", "Because"),
    )
    told = [_team(one, drawn.get(one.name), formats) for one in policy.teams]
    how = (
        "Eligible from: the least probability of the first transition, or expected value, by what leads are ranked by. "
        "Expected: leads that reach it for the first time in a week, and the share of them that takes the first "
        "transition; 95 % intervals of the mean."
    )
    return Table("teams", "Teams of sales", told_rows(told, columns), columns, how, cards=True)


def _team(team: Team, drawn: TeamThreshold | None, formats: Formats) -> dict[str, object]:
    expected = drawn.expected if drawn else None
    return {
        "team": team.name,
        "whose": said_condition(team.where, formats) if team.where else ALL_THAT_ARE_LEFT,
        "leads_per_week": team.leads_per_week,
        "boundary": drawn.boundary if drawn else None,
        "said": drawn.said if drawn else "",
        **_estimate("leads", expected.leads if expected else None),
        **_estimate("precision", expected.precision if expected else None),
    }


def _estimate(name: str, told: Estimate | None) -> dict[str, float | None]:
    values = (told.value, told.low, told.high) if told else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def publications_table(publications: Sequence[PublishedThresholds], formats: Formats, *, is_share: bool) -> Table:
    """What was put into force for the release, the latest first."""
    columns = (
        Column("at", "In force from", Shown.DAY),
        Column("by", "By"),
        Column("because", "Because"),
        Column("policy", "Policy"),
        Column("boundaries", "Eligible from"),
        Column("thresholds_id", "Thresholds"),
    )
    written = formats.share if is_share else formats.money
    told = [
        {
            "at": one.at,
            "by": one.by,
            "because": f"taken back to these: {one.because}" if one.reverts else one.because,
            "policy": one.thresholds.policy.version,
            "boundaries": ", ".join(f"{team.team} {written(team.boundary)}" for team in one.thresholds.teams),
            "thresholds_id": one.thresholds.thresholds_id,
        }
        for one in reversed(publications)
    ]
    how = "`leadscore thresholds --history` shows the same."
    return Table("publications", "Thresholds in force", told_rows(told, columns), columns, how, cards=True)


def words_table(crm: CrmMapping) -> Table:
    """The CRM's words for stages, directions and outcomes, each with ours."""
    columns = (Column("theirs", "In the CRM"), Column("ours", "Ours"), Column("about", "What it is", filters=True))
    told = [
        {"theirs": theirs, "ours": ours.value, "about": about}
        for about, words in (
            ("stage", crm.stages),
            ("direction of an activity", crm.directions),
            ("outcome of a deal", crm.outcomes),
        )
        for theirs, ours in words.items()
    ]
    how = (
        "Our own words need no mapping. Case, blanks, hyphens and underscores do not matter. A word that is not here "
        "stops the check."
    )
    return Table("words", "Words of the CRM and ours", told_rows(told, columns), columns, how)


def kinds_table(crm: CrmMapping, formats: Formats) -> Table:
    """The declared kinds of activity."""
    columns = (
        Column("kind", "Kind"),
        Column("words", "In the CRM"),
        Column("phrase", "A seller reads"),
        Column("family", "Looked at as"),
        Column("direction", "Begun by", filters=True),
        Column("contact", "Counts as contact", filters=True),
        Column("only_if", "Only if"),
    )
    told = [
        {
            "kind": name,
            "words": ", ".join(one.words) or name,
            "phrase": f"this lead {one.phrase.deed.plain}",
            "family": f"{one.family.value}: {one.family.meaning}",
            "direction": {"inbound": "the lead", "outbound": "us"}[one.direction.value],
            "contact": "yes" if one.counts_as_contact else "no",
            "only_if": "; ".join(_only_if(one, formats)),
        }
        for name, one in crm.kinds.items()
    ]
    how = "Begun by: where the CRM does not say. An activity of a kind with “only if” is otherwise what is named there."
    return Table("kinds", "Kinds of activity", told_rows(told, columns), columns, how, cards=True)


def _only_if(kind: KindDeclaration, formats: Formats) -> Iterator[str]:
    if kind.least_seconds:
        yield f"it lasted {said_number(kind.least_seconds, formats)} seconds"
    if kind.outcomes:
        yield f"it ended in {either(kind.outcomes)}"
    if kind.is_conditional:
        yield f"otherwise {kind.otherwise}" if kind.otherwise else "otherwise of no kind"


def attributes_table(crm: CrmMapping) -> Table:
    """The declared attributes: what they mean, and when their values could have been known."""
    columns = (
        Column("attribute", "Attribute"),
        Column("meaning", "Meaning"),
        Column("of", "Of", filters=True),
        Column("read_as", "Read as", filters=True),
        Column("availability", "When its value could be known"),
        Column("phrase", "A seller reads"),
        Column("allowed_because", "Allowed because"),
    )
    told = [
        {
            "attribute": name,
            "meaning": one.meaning,
            "of": one.table,
            "read_as": f"{one.type} ({one.unit})" if one.unit else one.type,
            "availability": f"{one.availability.value}: {one.availability.meaning}",
            "phrase": one.phrase or one.meaning,
            "allowed_because": one.allowed_because,
        }
        for name, one in crm.attributes.items()
    ]
    how = "Models read an attribute only as it could have been known at the moment they are asked about."
    return Table("attributes", "Declared attributes", told_rows(told, columns), columns, how, cards=True)


def glossary_table() -> Table:
    """The words of the product."""
    columns = (Column("word", "Word"), Column("meaning", "Meaning"))
    told = [{"word": word, "meaning": meaning.replace("`", "")} for word, meaning in GLOSSARY.items()]
    return Table("glossary", "Glossary", told_rows(told, columns), columns, "One word per idea, the same everywhere.")
