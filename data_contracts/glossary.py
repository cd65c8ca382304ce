"""The words of the product, one an idea: `docs/glossary.md` and the page of the definitions are made from them."""

GLOSSARY: dict[str, str] = {
    "lead": "A person, usually at an account, who showed up in the CRM.",
    "account": "The company a lead works for. A lead without one counts as its own.",
    "MQL": "Marketing-qualified lead: fits the ideal customer profile and did something that shows interest.",
    "SAL": "Sales-accepted lead: sales took the hand-off and made the first touch.",
    "SQL": "Sales-qualified lead: sales spoke to them; need, budget, timeline and authority are real.",
    "opportunity": "A deal with an amount and an expected close date.",
    "won, lost": "The deal closed; lost carries a reason.",
    "disqualified": "Not an SQL, with a reason.",
    "nurture": '"Not now": marketing keeps contact, the lead may recycle into MQL.',
    "recycled lead": "A lead that came back into MQL after nurture.",
    "transition": "A stage change we predict: `mql_to_sql`, `sql_to_win`, or `mql_to_win` where no SQL is recorded.",
    "horizon": "How long after the moment of prediction the transition counts, in days.",
    "snapshot": "One lead at one moment, `as_of`: at its entry to a stage, or on a later day while it is open in it.",
    "judged day": "A day after the entry (0 is the entry) on which models are judged by themselves.",
    "acting age, acting day": (
        "The judged day nearest to the median age at which sales first touches a lead. It decides whether there is "
        "signal."
    ),
    "base rate by age": (
        "The share that converts, by days in stage, at the level of the latest matured period. What a model has to "
        "beat, and what is published without signal."
    ),
    "product, way to a win": (
        "`p_sql` times the probability that the SQL is won: the probability of a win of a lead before SQL, "
        "calibrated where that clearly helps. It is held against leads that became an SQL within the first horizon "
        "and were won within the second."
    ),
    "signal": (
        "A gain over the base rate by age at all ages, and a ranking better than chance at the acting age, both "
        "beyond doubt (95 %)."
    ),
    "recipe": "How a model is made: estimators, rows that are learnt from, calibrator.",
    "young": "Of a lead whose horizon has not passed: sales works it, and how it ends may be known already.",
    "known": "Occurred *and* recorded strictly before `as_of`.",
    "mature": "The horizon has passed, so the outcome is known.",
    "censored": "Not mature. Never a negative.",
    "never contacted": "Mature, not converted, and sales never worked it. Unlabelled, never a negative.",
    "chance of contact": (
        "How likely sales is to contact a lead within the horizon of its entry, as told by its features. It serves "
        "reports only."
    ),
    "unlike, thin": (
        "Of leads with about such a chance of contact, at most one in fifty was contacted: no labelled lead is like"
        " them. Thin: labelled leads like them are few."
    ),
    "bounds": (
        "Between what rates that of all leads must lie: if all the never contacted had failed, if all had succeeded."
    ),
    "unsettled": (
        "Closed, or converted, nobody knows when: the stage is known, its date is not or is contradicted. Neither "
        "scored nor learnt from."
    ),
    "availability": "When a value could have been known: `immutable`, `historised`, `at_creation` or `overwritten`.",
    "fate": "What has become of a lead by the extract, however long it took: converted, closed before, or still open.",
    "leak": "An attribute, activity kind or row that was written at the outcome or after it: time shows it.",
    "suspect": "Too good to be true, without evidence in time.",
    "allowed": "A leak or suspect that may be used all the same, by name and with a reason in the settings.",
    "ideal customer profile (ICP)": (
        "The agreed criteria of who is sold to. A lead's fit is the weighted share of the known criteria that it meets."
    ),
    "persona": "A named segment of buyers.",
    "point rule": "The hand-tuned rule in force: points for attributes and activities, MQL at a threshold.",
    "definitions": (
        "The agreement between both teams, with a version; every output carries it. The store keeps every version, "
        "and none means two things."
    ),
    "in effect": "The definitions that hold on a day: the last whose `effective_from` is that day or an earlier one.",
    "policy": (
        "What is done with scores: teams and their capacity, response time, who is never handed off, what leads are"
        " ranked by. It has a version of its own."
    ),
    "team": "A team of sales, how many new leads it can work in a week, and which leads are its own.",
    "suppressed": (
        "Never handed off, whatever the score, by a condition of the policy: customers, partners, own staff, opted out."
    ),
    "capacity": "How many new leads a team can work in a week.",
    "SLA": (
        "Service-level agreement: sales responds within so many working hours of the hand-off, with a decision and "
        "a reason."
    ),
    "working time": "The hours of the policy's calendar: working days, opening times, holidays, in its time zone.",
    "extrapolated": (
        "No labelled leads resemble this one: its grade holds fewer than 30, sales contacted hardly any lead like "
        "it, it is no MQL yet, or it has been in its stage for longer than training looked."
    ),
    "boundary": (
        "What a lead's ranking value (the probability of the first transition, or the expected value) has to reach "
        "to be eligible. Each team has its own."
    ),
    "eligible": "At or above the boundary of its team.",
    "first crossing": "The moment at which a lead reaches a boundary for the first time in sixteen weeks.",
    "thresholds": "The boundaries of all teams, the policy they were chosen for, and what they are expected to bring.",
    "shadow report": (
        "The old rule and the model on the same past weeks: whom each would have handed off, and what came of it."
    ),
    "old rule": (
        "What hands leads off until now: the point rule, a condition on an attribute, or what moved leads to MQL in"
        " the CRM."
    ),
    "equal volume": "The model takes as many leads a week as the rule does.",
    "if alike": (
        "Counted as if unknown leads (nobody called them) had brought what called ones of their band of probability"
        " brought."
    ),
    "grade": "Fit letter (A–D) and behaviour digit (1–4). Never a probability.",
    "expected amount": (
        "What a lead brings if it is won: the sum of its won deals, by its profile where that tells, otherwise the "
        "mean of all."
    ),
    "expected value": "Probability of a win times the expected amount, in the currency of the settings.",
    "calibrated": "Of the leads with probability 0.3, 30 % convert.",
    "calibration slope": "1 is right; below 1 the probabilities are too extreme, above 1 too timid.",
    "contribution": (
        "What a feature adds to the log-odds of a lead. With the baseline (the average training lead) and the "
        "calibration (calibrator, mend, bounds) they add up to the log-odds that are published."
    ),
    "gain": "Log loss of the base rate by age minus the model's: above 0 the model knows something.",
    "lift in the top tenth": "Conversion rate of the tenth with the highest probability over that of all.",
    "captured at capacity": "Share of all conversions among the leads that fit sales' capacity.",
    "release": (
        "Both models, calibrators, thresholds, feature list, definitions version and data fingerprint: the only "
        "thing that is promoted."
    ),
    "configuration": (
        "The definitions, the declared attributes, the declared kinds of activity (without the CRM's words for "
        "them) and the allowed ones that a release was trained under."
    ),
    "in force": "The release in production, and its configuration, whatever the settings file says meanwhile.",
    "inputs": "Everything that decides what a training makes; a release's id is made from them.",
    "held back": "Not let into production by the gate, for reasons that are kept with the version.",
    "gate": (
        "What a release is asked before it goes into force: signal, leaks, calibration, configuration, recipe, "
        "champion."
    ),
    "champion": "The release in force, seen as what a candidate is held against.",
    "model card": "What a release is for and made of, how good it is, and where to be careful, on one page.",
    "candidate, production": "The aliases of a release: the newest, and the one that scores.",
    "left out": (
        "Rows that the settings name and take out before features: bot clicks, mail scanners, test and internal "
        "leads. They are counted by name and stay in the store."
    ),
    "quarantine": "Refused rows with rule, value and reason.",
    "kept check": "What stays of a check: its moment, and the rows and breaches of each table, counted. No value.",
    "breach": "One broken promise of a contract.",
    "fingerprint": "Digest of the checked history: same data, same fingerprint.",
    "write-back": "Writing scores to the CRM: changed values only.",
    "receipt": "What became of a write-back: written, unchanged, refused.",
}
"""By word, or words of one meaning: what it means, as Markdown."""
