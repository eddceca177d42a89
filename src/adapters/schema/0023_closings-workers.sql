-- Whether there were workers when it was asked for.
ALTER TABLE closings ADD COLUMN has_workers boolean NOT NULL DEFAULT true;
