-- Deploys that begin at a time that somebody chose: by the plan that was shown, under whose name they begin.
CREATE TABLE schedules (
  id text PRIMARY KEY REFERENCES plans,
  app text NOT NULL,
  by text NOT NULL,
  due timestamptz NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  -- Some process begins it just now.
  claimed_at timestamptz,
  -- Null while it waits. Who cancelled it is in `ended_by`, why it did not begin in `why`.
  outcome text CHECK (outcome IN ('begun', 'asked', 'changed', 'refused', 'cancelled')),
  ended_by text,
  why text,
  ended_at timestamptz
);
CREATE INDEX schedules_waiting ON schedules (due) WHERE outcome IS NULL;
