-- Messages of ours that belong to no deploy, to a channel or a person. Posted once, and edited when their words change.
CREATE TABLE notices (
  id text PRIMARY KEY,
  channel text NOT NULL,
  message jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  ts text,
  -- The words that Slack has.
  sent jsonb,
  claimed_by text,
  claimed_at timestamptz
);
CREATE INDEX notices_unsent ON notices (at) WHERE sent IS DISTINCT FROM message;

-- Who keeps new deploys of an app (or of `all`) from beginning.
CREATE TABLE locks (
  scope text PRIMARY KEY,
  id text NOT NULL,
  by text NOT NULL,
  reason text NOT NULL,
  channel text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  until timestamptz,
  reminded_at timestamptz NOT NULL DEFAULT now()
);

-- Who was refused because of a lock, and is told when it is gone.
CREATE TABLE lock_waiters (
  scope text NOT NULL REFERENCES locks ON DELETE CASCADE,
  waiter text NOT NULL,
  app text NOT NULL,
  PRIMARY KEY (scope, waiter, app)
);
