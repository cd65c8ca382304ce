-- The log ends with its last event.
SELECT max(try_cast(timestamp AS TIMESTAMPTZ))
FROM read_csv(
    '{data_folder}/events.csv.gz',
    all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
)
