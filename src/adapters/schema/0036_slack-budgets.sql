-- How much of what Slack allows is used up, where several processes of the bot share it: the next call of that kind is due then.
CREATE TABLE slack_budgets (
  name text PRIMARY KEY,
  due timestamptz NOT NULL
);
