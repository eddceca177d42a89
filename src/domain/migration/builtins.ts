// Functions that migrations may call though nobody can read them here. A catalog knows more.

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Of Postgres 18, called once a row (provolatile `v`). Those that write, read files or end connections are left out. */
const VOLATILE = words(`
  array_sample array_shuffle clock_timestamp current_query currval gen_random_uuid lastval nextval pg_advisory_lock
  pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared pg_advisory_xact_lock
  pg_advisory_xact_lock_shared pg_blocking_pids pg_current_wal_lsn pg_database_size pg_indexes_size pg_is_in_recovery
  pg_notify pg_partition_ancestors pg_partition_tree pg_relation_size pg_reload_conf pg_sequence_last_value pg_sleep
  pg_sleep_for pg_sleep_until pg_stat_clear_snapshot pg_stat_reset pg_table_size pg_tablespace_size
  pg_total_relation_size pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock
  pg_try_advisory_xact_lock_shared random random_normal set_config setseed setval timeofday txid_status uuidv4 uuidv7`);

/** Of Postgres 18, the same all through a statement (provolatile `s` or `i`), so that they cannot write. */
const STEADY = words(`
  abs acos acosd acosh age any_value area array_agg array_append array_cat array_dims array_fill array_length
  array_lower array_ndims array_position array_positions array_prepend array_remove array_replace array_reverse
  array_sort array_to_json array_to_string array_to_tsvector array_upper ascii asin asind asinh atan atan2 atan2d
  atand atanh avg bit bit_and bit_count bit_length bit_or bit_xor bool bool_and bool_or box broadcast btrim bytea
  cardinality casefold cbrt ceil ceiling center char char_length character_length chr cidr circle col_description
  concat concat_ws convert convert_from convert_to corr cos cosd cosh cot cotd count covar_pop covar_samp crc32
  crc32c cume_dist current_database current_schema current_schemas current_setting current_user database_to_xml
  database_to_xml_and_xmlschema database_to_xmlschema date date_add date_bin date_part date_subtract date_trunc
  datemultirange daterange decode degrees dense_rank diagonal diameter digest div encode enum_first enum_last
  enum_range erf erfc every exp extract factorial family first_value float4 float8 floor format format_type gamma gcd
  generate_series generate_subscripts get_bit get_byte get_current_ts_config getdatabaseencoding
  has_any_column_privilege has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
  has_function_privilege has_language_privilege has_largeobject_privilege has_parameter_privilege
  has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege
  has_type_privilege hashtext hashtextextended height host hostmask inet_client_addr inet_client_port
  inet_server_addr inet_server_port initcap int2 int4 int4multirange int4range int8 int8multirange int8range interval
  is_normalized isclosed isempty isfinite isopen json_agg json_agg_strict json_array_elements
  json_array_elements_text json_array_length json_build_array json_build_object json_each json_each_text
  json_extract_path_text json_object json_object_agg json_object_agg_strict json_object_agg_unique
  json_object_agg_unique_strict json_object_keys json_populate_record json_populate_recordset json_strip_nulls
  json_to_record json_to_recordset json_to_tsvector json_typeof jsonb_agg jsonb_agg_strict jsonb_array_elements
  jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_concat jsonb_each
  jsonb_each_text jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_agg_strict
  jsonb_object_agg_unique jsonb_object_agg_unique_strict jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz
  jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz
  jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record
  jsonb_populate_record_valid jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls
  jsonb_to_record jsonb_to_recordset jsonb_to_tsvector jsonb_typeof justify_days justify_hours justify_interval lag
  last_value lcm lead left length lgamma like_escape line ln log log10 lower lower_inc lower_inf lpad lseg ltrim macaddr
  macaddr8 make_date make_interval make_time make_timestamp make_timestamptz masklen max md5 min min_scale mod mode
  money multirange name netmask network normalize now npoints nth_value ntile num_nonnulls num_nulls numeric
  nummultirange numnode numrange obj_description octet_length oid oidvectortypes overlaps overlay parse_ident path
  percent_rank percentile_cont percentile_disc pg_backend_pid pg_basetype pg_client_encoding pg_collation_for
  pg_column_compression pg_column_is_updatable pg_column_size pg_current_snapshot pg_current_xact_id
  pg_current_xact_id_if_assigned pg_cursor pg_describe_object pg_function_is_visible pg_get_acl pg_get_constraintdef
  pg_get_expr pg_get_function_arg_default pg_get_function_arguments pg_get_function_identity_arguments
  pg_get_function_result pg_get_function_sqlbody pg_get_functiondef pg_get_indexdef pg_get_keywords
  pg_get_object_address pg_get_partition_constraintdef pg_get_partkeydef pg_get_replica_identity_index pg_get_ruledef
  pg_get_serial_sequence pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions
  pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_identify_object pg_identify_object_as_address
  pg_index_column_has_property pg_index_has_property pg_input_error_info pg_input_is_valid pg_is_other_temp_schema
  pg_lsn pg_my_temp_schema pg_partition_root pg_postmaster_start_time pg_relation_filenode pg_relation_filepath
  pg_relation_is_updatable pg_sequence_parameters pg_settings_get_flags pg_size_bytes pg_size_pretty pg_snapshot_xip
  pg_snapshot_xmax pg_snapshot_xmin pg_table_is_visible pg_timezone_names pg_trigger_depth pg_type_is_visible
  pg_typeof pg_visible_in_snapshot pg_wal_lsn_diff phraseto_tsquery pi plainto_tsquery point polygon position pow
  power quote_ident quote_literal quote_nullable radians radius range_agg range_intersect_agg range_merge rank
  regclass regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
  regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
  regr_sxy regr_syy repeat replace reverse right round row_number row_security_active row_to_json rpad rtrim scale
  schema_to_xml schema_to_xml_and_xmlschema schema_to_xmlschema session_user set_bit set_byte setweight sha224 sha256
  sha384 sha512 shobj_description sign similar_escape similar_to_escape sin sind sinh slope split_part sqrt starts_with
  statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array string_to_table strip strpos substr
  substring sum system_user table_to_xml table_to_xml_and_xmlschema table_to_xmlschema tan tand tanh text textcat
  time timestamp timestamptz timetz timezone to_ascii to_bin to_char to_date to_hex to_json to_jsonb to_number to_oct
  to_regclass to_regcollation to_regnamespace to_regoper to_regoperator to_regproc to_regprocedure to_regrole
  to_regtype to_regtypemod to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim_array trim_scale
  trunc ts_debug ts_delete ts_filter ts_headline ts_lexize ts_rank ts_rank_cd tsmultirange tsrange tstzmultirange
  tstzrange tsvector_to_array txid_current txid_current_if_assigned txid_current_snapshot txid_snapshot_xip
  txid_snapshot_xmax txid_snapshot_xmin txid_visible_in_snapshot unicode_assigned unicode_version unistr unnest upper
  upper_inc upper_inf uuid_extract_timestamp uuid_extract_version var_pop var_samp varbit varchar variance version
  websearch_to_tsquery width width_bucket xid xml xml_is_well_formed xml_is_well_formed_content
  xml_is_well_formed_document xmlagg xmlcomment xmlconcat2 xmlexists xmltext xmlvalidate xpath xpath_exists`);

/** Of the extensions that Heroku offers. */
const EXTENSIONS_VOLATILE = words(`
  gen_random_bytes gen_salt pg_prewarm pgp_pub_encrypt pgp_sym_encrypt uuid_generate_v1 uuid_generate_v1mc
  uuid_generate_v4`);
const EXTENSIONS_STEADY = words(`
  akeys armor avals crypt cube dearmor decrypt defined delete difference dmetaphone dmetaphone_alt each
  earth_distance encrypt exist hmac hstore hstore_to_array hstore_to_json hstore_to_jsonb icount idx index
  levenshtein ll_to_earth ltree2text metaphone nlevel pgp_pub_decrypt pgp_sym_decrypt show_trgm similarity skeys
  slice sort soundex st_area st_asgeojson st_astext st_buffer st_centroid st_contains st_distance st_dwithin
  st_geogfromtext st_geomfromgeojson st_geomfromtext st_geomfromwkb st_intersects st_length st_makepoint st_point
  st_setsrid st_srid st_transform st_within st_x st_y strict_word_similarity subarray subltree subpath svals
  text2ltree unaccent uniq uuid_generate_v3 uuid_generate_v5 uuid_nil uuid_ns_dns uuid_ns_url word_similarity`);

/** Without a name on it: somebody's own function, or one that may do more than compute. */
export const BUILTINS: ReadonlyMap<string, 'stable' | 'volatile'> = new Map([
  ...[...VOLATILE, ...EXTENSIONS_VOLATILE].map(name => [name, 'volatile'] as const),
  ...[...STEADY, ...EXTENSIONS_STEADY].map(name => [name, 'stable'] as const),
]);
