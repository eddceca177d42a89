-- What a press answers (the digest that its button carried), and why, where a reason is asked.
ALTER TABLE clicks ADD COLUMN about text, ADD COLUMN reason text;
