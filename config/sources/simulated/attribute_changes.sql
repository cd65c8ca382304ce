-- One row a change of one of the historised attributes.
SELECT
    lower(Object) AS object,
    RecordId AS object_id,
    CASE Field
        WHEN 'BuyingTimeline' THEN 'buying_timeline'
        WHEN 'Employees' THEN 'employees'
        ELSE Field
    END AS attribute,
    OldValue AS old_value,
    NewValue AS new_value,
    ChangedDate AS changed_at
FROM read_json(
    '{data_folder}/field_history.jsonl',
    format = 'newline_delimited',
    columns = {
        Object: 'VARCHAR', RecordId: 'VARCHAR', Field: 'VARCHAR',
        OldValue: 'VARCHAR', NewValue: 'VARCHAR', ChangedDate: 'VARCHAR'
    }
)
