-- A lead is an MQL at its first contact, and won when its deal is. All other columns of the deals are filled for winners
-- only.
SELECT
    mql_id AS lead_id,
    'first contact' AS stage,
    coalesce(try_strptime(first_contact_date, '%d-%m-%Y')::VARCHAR, first_contact_date) AS entered_at
FROM read_csv(
    '{data_folder}/olist_marketing_qualified_leads_dataset.csv',
    all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
)
UNION ALL
SELECT
    mql_id,
    'won',
    coalesce(try_strptime(won_date, '%d-%m-%Y %H:%M')::VARCHAR, won_date)
FROM read_csv(
    '{data_folder}/olist_closed_deals_dataset.csv',
    all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
)
