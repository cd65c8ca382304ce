-- One row an activity, from all parts of the export.
SELECT
    ActivityId AS activity_id,
    LeadId AS lead_id,
    ActivityType AS kind,
    Direction AS direction,
    ActivityDate AS occurred_at,
    LoggedDate AS recorded_at,
    CallOutcome AS outcome,
    DurationSeconds AS duration_seconds
FROM read_parquet('{data_folder}/activities/*.parquet')
