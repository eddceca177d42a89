// Functions of Postgres itself, and of the extensions that Heroku offers, which migrations use. A catalog knows more.

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Called once a row (provolatile `v`). */
const VOLATILE = words(`
  clock_timestamp currval gen_random_bytes gen_random_uuid lastval nextval pg_advisory_lock pg_advisory_unlock
  pg_advisory_xact_lock pg_notify pg_relation_size pg_reload_conf pg_sleep pg_stat_reset pg_table_size
  pg_total_relation_size pg_try_advisory_lock random random_normal set_config setseed setval timeofday
  uuid_generate_v1 uuid_generate_v4 uuidv4 uuidv7`);

/** The same all through a statement (provolatile `s` or `i`). */
const STEADY = words(`
  abs age array_agg array_append array_cat array_length array_position array_remove array_to_json array_to_string ascii
  avg bool_and bool_or btrim cardinality ceil ceiling char_length chr col_description concat concat_ws count
  current_database current_schema current_schemas current_setting date_part date_trunc daterange decode digest div encode
  exp extract floor format format_type generate_series has_schema_privilege has_table_privilege hashtext initcap
  int4range int8range json_agg json_array_length json_build_array json_build_object json_extract_path_text jsonb_agg
  jsonb_array_length jsonb_build_array jsonb_build_object jsonb_extract_path_text jsonb_object_agg jsonb_set
  justify_days left length ln log lower lpad ltrim make_date make_interval make_time max md5 min mod now numrange
  obj_description octet_length overlay pg_backend_pid pg_get_constraintdef pg_get_expr pg_get_indexdef
  pg_get_serial_sequence pg_get_viewdef pg_size_pretty pg_table_is_visible pg_typeof position power quote_ident
  quote_literal quote_nullable rank regexp_replace repeat replace reverse right round row_number row_to_json rpad rtrim
  sha256 sign split_part sqrt statement_timestamp string_agg string_to_array strpos substr substring sum timezone to_char
  to_date to_hex to_json to_jsonb to_number to_regclass to_regproc to_regtype to_timestamp to_tsquery to_tsvector
  transaction_timestamp translate trunc tsrange tstzrange txid_current unnest upper version width_bucket`);

/** Without a name on it: somebody's own function, or a rare one. */
export const BUILTINS: ReadonlyMap<string, 'stable' | 'volatile'> = new Map([
  ...VOLATILE.map(name => [name, 'volatile'] as const),
  ...STEADY.map(name => [name, 'stable'] as const),
]);
