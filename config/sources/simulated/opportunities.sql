-- One row a deal.
SELECT
    OpportunityId AS opportunity_id,
    LeadId AS lead_id,
    Amount AS amount,
    CreatedDate AS created_at,
    ExpectedCloseDate AS expected_close_at,
    ClosedDate AS closed_at,
    Outcome AS outcome,
    LossReason AS loss_reason
FROM read_csv(
    '{data_folder}/opportunities.csv',
    all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
)
