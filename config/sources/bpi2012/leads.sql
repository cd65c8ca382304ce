-- One row an application. Times carry their offset; the check makes them UTC.
SELECT
    case_id AS lead_id,
    timestamp AS created_at,
    amount_req
FROM read_csv(
    '{data_folder}/events.csv.gz',
    all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
)
WHERE activity = 'A_SUBMITTED'
