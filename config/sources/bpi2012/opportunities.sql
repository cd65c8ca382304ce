-- One row an application with an offer; its amount is the loan asked for.
WITH events AS (
    SELECT
        row_number() OVER () AS position,
        case_id,
        amount_req,
        activity,
        event_idx::INTEGER AS event_idx,
        timestamp AS occurred_at
    FROM read_csv(
        '{data_folder}/events.csv.gz',
        all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
    )
)
SELECT
    case_id || '-offer' AS opportunity_id,
    case_id AS lead_id,
    any_value(amount_req) AS amount,
    arg_min(occurred_at, event_idx) FILTER (activity = 'O_SENT') AS created_at,
    arg_min(occurred_at, event_idx) FILTER (activity IN ('A_APPROVED', 'A_DECLINED', 'A_CANCELLED')) AS closed_at,
    CASE
        WHEN bool_or(activity = 'A_APPROVED') THEN 'approved'
        WHEN bool_or(activity IN ('A_DECLINED', 'A_CANCELLED')) THEN 'declined or cancelled'
        ELSE 'open'
    END AS outcome
FROM events
GROUP BY case_id
HAVING bool_or(activity = 'O_SENT')
ORDER BY min(position)
