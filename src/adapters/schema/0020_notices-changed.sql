-- When its words last changed: a lock that was taken last week is told to be free today.
ALTER TABLE notices ADD COLUMN changed_at timestamptz;
UPDATE notices SET changed_at = at;
ALTER TABLE notices ALTER COLUMN changed_at SET DEFAULT now(), ALTER COLUMN changed_at SET NOT NULL;
DROP INDEX notices_unsent;
CREATE INDEX notices_unsent ON notices (changed_at) WHERE sent IS DISTINCT FROM message;
