-- When the workers that were to be stopped were seen to be gone, and when the time that is left was told last.
ALTER TABLE closings ADD COLUMN idle_at timestamptz, ADD COLUMN counted_at timestamptz;
