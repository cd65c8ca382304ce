-- One row a lead. FirstName, LastName and Email are left out: scoring needs no one's name.
SELECT
    Id AS lead_id,
    AccountId AS account_id,
    CreatedDate AS created_at,
    LeadSource AS source,
    Campaign AS campaign,
    OwnerId AS owner_id,
    MergedInto AS merged_into,
    MergedDate AS merged_at,
    JobRole AS role,
    Problem AS problem,
    JobRole || ' / ' || Problem AS persona,
    Seniority AS seniority,
    FormCompanySize AS form_company_size,
    BuyingTimeline AS buying_timeline,
    -- Overwritten when a deal is won; not declared in the settings, so the check leaves it out.
    Rating AS rating
FROM read_csv(
    '{data_folder}/leads.csv',
    all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
)
