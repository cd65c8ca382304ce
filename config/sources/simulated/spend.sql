-- One row a month, source and campaign.
SELECT
    Month AS period_start_at,
    Channel AS source,
    Campaign AS campaign,
    Amount AS amount
FROM read_csv(
    '{data_folder}/spend.csv',
    all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
)
