-- Maintenance mode that a person asked for: what is wanted of an app's door, what Heroku was told, and what visitors see.
CREATE TABLE closings (
  id text PRIMARY KEY,
  app text NOT NULL,
  by text NOT NULL,
  reason text NOT NULL,
  channel text NOT NULL,
  minutes integer,
  asked_at timestamptz NOT NULL DEFAULT now(),
  -- Null until whoever asked has confirmed it.
  wanted text CHECK (wanted IN ('closed', 'open')),
  wanted_at timestamptz,
  until timestamptz,
  told text CHECK (told IN ('closed', 'open')),
  told_at timestamptz,
  seen text CHECK (seen IN ('closed', 'open')),
  seen_at timestamptz,
  opened_by text,
  -- Process types that were stopped with it, and of how many dynos they were.
  workers jsonb NOT NULL DEFAULT '[]',
  stop_workers boolean NOT NULL DEFAULT false,
  reminded_at timestamptz,
  -- Since when it would be open, if nobody migrated.
  barred_at timestamptz,
  late_at timestamptz,
  ended_at timestamptz,
  claimed_at timestamptz
);
CREATE UNIQUE INDEX closings_open ON closings (app) WHERE wanted IS NOT NULL AND ended_at IS NULL;
