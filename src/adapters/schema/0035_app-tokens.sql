-- Heroku tokens that apps have of their own, sealed with a key that is not in here, and who gave or took one when.
CREATE TABLE app_tokens (
  app text PRIMARY KEY REFERENCES apps,
  sealed text NOT NULL,
  by text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE app_token_changes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  app text NOT NULL,
  what text NOT NULL CHECK (what IN ('given', 'taken away', 'sealed anew')),
  by text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
