-- For which time a plan was made, so that its button need not carry it; null: for now.
ALTER TABLE plans ADD COLUMN planned_for timestamptz;
