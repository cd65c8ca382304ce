-- One row a decisive event of an application: its submission, the first offer sent, and how it ended.
WITH events AS (
    SELECT
        row_number() OVER () AS position,
        case_id,
        activity,
        event_idx::INTEGER AS event_idx,
        timestamp AS entered_at
    FROM read_csv(
        '{data_folder}/events.csv.gz',
        all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
    )
),
offers AS (
    SELECT case_id, min(event_idx) AS first_offer FROM events WHERE activity = 'O_SENT' GROUP BY case_id
)
SELECT
    case_id AS lead_id,
    CASE
        WHEN activity NOT IN ('A_DECLINED', 'A_CANCELLED') THEN activity
        WHEN event_idx > first_offer THEN activity || ' after an offer'
        ELSE activity || ' before an offer'
    END AS stage,
    entered_at,
    CASE activity WHEN 'A_DECLINED' THEN 'declined by the bank' WHEN 'A_CANCELLED' THEN 'cancelled' END AS reason
FROM events LEFT JOIN offers USING (case_id)
WHERE
    activity IN ('A_SUBMITTED', 'A_APPROVED', 'A_DECLINED', 'A_CANCELLED')
    OR (activity = 'O_SENT' AND event_idx = first_offer)
ORDER BY position
