-- One row a stage that a lead entered.
SELECT
    LeadId AS lead_id,
    NewStage AS stage,
    ChangedDate AS entered_at,
    LoggedDate AS recorded_at,
    Reason AS reason,
    ChangedBy AS changed_by
FROM read_csv(
    '{data_folder}/stage_history.csv',
    all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
)
