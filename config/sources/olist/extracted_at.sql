-- The data end with the last win.
SELECT greatest(
    (
        SELECT max(try_strptime(first_contact_date, '%d-%m-%Y'))
        FROM read_csv(
            '{data_folder}/olist_marketing_qualified_leads_dataset.csv',
            all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
        )
    ),
    (
        SELECT max(try_strptime(won_date, '%d-%m-%Y %H:%M'))
        FROM read_csv(
            '{data_folder}/olist_closed_deals_dataset.csv',
            all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
        )
    )
)
