-- One row an event that is neither part of the win (A_REGISTERED, A_APPROVED, A_ACTIVATED, O_ACCEPTED) nor of the loss
-- (A_DECLINED, A_CANCELLED, O_DECLINED, O_CANCELLED). Of work items: completions, and the queueing of a follow-up.
WITH events AS (
    SELECT row_number() OVER () AS position, *
    FROM read_csv(
        '{data_folder}/events.csv.gz',
        all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
    )
)
SELECT
    case_id || '-' || event_idx AS activity_id,
    case_id AS lead_id,
    CASE WHEN starts_with(activity, 'W_') THEN activity || ' ' || lifecycle ELSE activity END AS kind,
    CASE WHEN activity IN ('A_PARTLYSUBMITTED', 'O_SENT_BACK') THEN 'customer' ELSE 'bank' END AS direction,
    timestamp AS occurred_at
FROM events
WHERE
    activity IN ('A_PARTLYSUBMITTED', 'A_PREACCEPTED', 'A_ACCEPTED', 'A_FINALIZED', 'O_SENT', 'O_SENT_BACK')
    OR (starts_with(activity, 'W_') AND lifecycle = 'COMPLETE')
    OR (activity = 'W_Afhandelen leads' AND lifecycle = 'SCHEDULE')
ORDER BY position
