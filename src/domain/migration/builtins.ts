import type { Volatility } from './facts.ts';

// Functions of Postgres itself that migrations use (pg_proc.provolatile of 18). A catalog says more than this list.

const BUILTIN: Readonly<Record<Volatility, readonly string[]>> = {
  immutable: words(`abs array_append array_cat array_length array_position array_remove array_to_json array_to_string
    ascii btrim cardinality ceil ceiling char_length chr concat_ws date_part decode digest div encode
    exp floor greatest hashtext initcap int4range int8range tstzrange tsrange daterange numrange json_build_array
    jsonb_array_length jsonb_build_array jsonb_extract_path_text jsonb_set json_extract_path_text left length ln log
    lower lpad ltrim make_date make_interval make_time md5 mod nlevel power quote_ident regexp_replace repeat replace
    reverse right round rpad rtrim sha256 sign split_part sqrt strpos substr substring timezone translate trim trunc
    upper justify_days least octet_length overlay position coalesce nullif string_to_array to_hex width_bucket`),
  stable: words(`age array_agg avg bool_and bool_or col_description concat count current_database current_schema
    current_schemas current_setting current_user date_trunc extract format format_type has_table_privilege
    has_schema_privilege jsonb_agg jsonb_build_object jsonb_object_agg json_agg json_build_object max min now
    obj_description pg_get_constraintdef pg_get_expr pg_get_indexdef pg_get_viewdef pg_relation_size pg_size_pretty
    pg_table_size pg_total_relation_size pg_typeof quote_literal quote_nullable row_to_json session_user
    statement_timestamp string_agg sum to_char to_date to_json to_jsonb to_number to_regclass to_regproc to_regtype
    to_timestamp to_tsvector to_tsquery transaction_timestamp txid_current unnest version row_number rank
    pg_get_serial_sequence pg_table_is_visible pg_backend_pid inet_server_addr exists`),
  volatile: words(`clock_timestamp currval gen_random_bytes gen_random_uuid lastval nextval pg_advisory_lock
    pg_advisory_unlock pg_advisory_xact_lock pg_notify pg_sleep pg_try_advisory_lock pg_stat_reset random
    random_normal set_config setseed setval timeofday uuid_generate_v1 uuid_generate_v4 uuidv4 uuidv7
    generate_series pg_stat_statements_reset pg_reload_conf`),
};

function words(text: string): string[] {
  return text.split(/\s+/);
}

const KNOWN = new Map<string, Volatility>(
  (['immutable', 'stable', 'volatile'] as const).flatMap(volatility =>
    BUILTIN[volatility].map(name => [name, volatility] as const),
  ),
);

/** Null for a function that is not on the list: somebody's own, or rare. */
export const builtinVolatility = (name: string): Volatility | null => KNOWN.get(name) ?? null;
