-- Deploys that a second person must agree to before they begin: by the plan that was shown.
CREATE TABLE start_requests (
  id text PRIMARY KEY REFERENCES plans,
  app text NOT NULL,
  by text NOT NULL,
  -- Why it must begin during a freeze; null when none holds.
  emergency text,
  at timestamptz NOT NULL DEFAULT now(),
  answer text CHECK (answer IN ('approved', 'declined', 'expired', 'changed')),
  answered_by text,
  answered_at timestamptz
);
CREATE INDEX start_requests_open ON start_requests (at) WHERE answer IS NULL;

-- What holds for every app.
CREATE TABLE team (
  the_one boolean PRIMARY KEY DEFAULT true CHECK (the_one),
  freezes jsonb NOT NULL DEFAULT '[]'
);
INSERT INTO team DEFAULT VALUES;
