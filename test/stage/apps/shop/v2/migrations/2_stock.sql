-- Up Migration
ALTER TABLE hats ADD COLUMN stock integer NOT NULL DEFAULT 12;
