-- One row a lead. First contacts have no time of day. A date that cannot be read is handed on as it stands: the check
-- refuses it.
SELECT
    mql_id AS lead_id,
    coalesce(try_strptime(first_contact_date, '%d-%m-%Y')::VARCHAR, first_contact_date) AS created_at,
    origin AS source,
    landing_page_id AS landing_page
FROM read_csv(
    '{data_folder}/olist_marketing_qualified_leads_dataset.csv',
    all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
)
