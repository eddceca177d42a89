-- What remains of each deploy, each hashed together with the one before. Only ever appended.
CREATE TABLE receipts (
  number bigint PRIMARY KEY,
  deploy_id text NOT NULL UNIQUE REFERENCES deploys,
  at timestamptz NOT NULL DEFAULT now(),
  -- JSON, as the very text that was hashed.
  body text NOT NULL,
  previous text NOT NULL,
  hash text NOT NULL
);

CREATE FUNCTION receipts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'receipts are only ever appended';
END
$$;
CREATE TRIGGER receipts_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts
  FOR EACH STATEMENT EXECUTE FUNCTION receipts_stay();
