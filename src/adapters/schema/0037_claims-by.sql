-- Who works at it: what a process that is gone was at is free at once.
ALTER TABLE closings ADD COLUMN claimed_by text;
ALTER TABLE schedules ADD COLUMN claimed_by text;
