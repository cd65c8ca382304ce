-- One row a company. The company's name is left out: it is not needed.
SELECT
    AccountId AS account_id,
    CreatedDate AS created_at,
    Industry AS industry,
    Region AS region,
    Employees AS employees,
    AnnualRevenue AS annual_revenue,
    -- Filled in or corrected once a company is a customer; not declared in the settings, so the check leaves them out.
    EmployeesRange AS employees_range,
    CustomerSince AS customer_since
FROM read_csv(
    '{data_folder}/accounts.csv',
    all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', skip = 0, comment = ''
)
