"""nginx's directives: where each may stand, and with which words. Facts of the `ngx_command_t` arrays of nginx
1.10 to 1.31 and of njs, joined: what any of them takes is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

# Contexts, a letter each: m outside of all blocks, e events; h http, s its server, l location, i `if` in a server,
# j `if` in a location, x limit_except, u upstream; H stream, S its server, U its upstream; A mail, B its server.
# Then the numbers of arguments (`1+`: one or more), the kind of value, `{` for a block; then the names. A line
# that begins with a space belongs to the one above.
#
# Kinds, of directives that may stand once in a block: f on or off, n a number, t a time down to milliseconds, c a
# time in seconds, z a size, o an offset, w any word.
_TABLE = """
m 0{ events http mail stream
m 1 env load_module ssl_engine worker_priority worker_processes
m 1+ error_log worker_cpu_affinity
m 12 user
m 13 js_load_http_native_module js_load_stream_native_module
m 1f daemon master_process pcre_jit quic_bpf ssl_object_cache_inheritable
m 1n worker_rlimit_nofile
m 1o worker_rlimit_core
m 1t timer_resolution worker_shutdown_timeout
m 1w debug_points google_perftools_profiles lock_file pid working_directory
m 23 thread_pool
mehslijxuHSUAB 1 include
e 1 debug_connection use worker_connections
e 1f accept_mutex acceptex_read multi_accept
e 1n devpoll_changes devpoll_events epoll_events eventport_events iocp_threads kqueue_changes kqueue_events
 post_acceptex worker_aio_requests
e 1t accept_mutex_delay
h 0{ server
h 1 degradation geoip_proxy perl_modules perl_require spdy_recv_buffer_size
h 1+ js_shared_dict_zone
h 12 geoip_city geoip_country geoip_org
h 12{ geo
h 1f geoip_proxy_recursive
h 1n map_hash_bucket_size map_hash_max_size server_names_hash_bucket_size server_names_hash_max_size
 variables_hash_bucket_size variables_hash_max_size
h 1z http2_recv_buffer_size
h 1{ upstream
h 2 limit_conn_zone perl_set
h 2+ fastcgi_cache_path log_format proxy_cache_path scgi_cache_path uwsgi_cache_path
h 2{ charset_map map split_clients
h 3 limit_req_zone
hs 1 http2_idle_timeout http2_max_concurrent_pushes http2_max_field_size http2_max_header_size
 http2_max_requests http2_recv_timeout quic_host_key spdy_headers_comp spdy_keepalive_timeout
 spdy_max_concurrent_streams spdy_pool_size spdy_recv_timeout spdy_streams_index_size ssl_certificate
 ssl_certificate_key ssl_ech_file ssl_ocsp ssl_ocsp_cache ssl_password_file ssl_session_ticket_key
hs 1+ client_body_early_read ssl_protocols
hs 12 ssl_session_cache
hs 123 ssl_certificate_cache
hs 1c ssl_session_timeout
hs 1f http2 http3 http3_hq ignore_invalid_headers merge_slashes quic_gso quic_retry ssl_certificate_compression
 ssl_early_data ssl_prefer_server_ciphers ssl_reject_handshake ssl_session_tickets ssl_stapling
 ssl_stapling_verify underscores_in_headers
hs 1f ssl
hs 1n http2_max_concurrent_streams http2_streams_index_size http3_max_concurrent_streams max_headers
 quic_active_connection_id_limit ssl_verify_depth
hs 1t client_header_timeout
hs 1w ssl_ciphers ssl_client_certificate ssl_crl ssl_dhparam ssl_ecdh_curve ssl_ocsp_responder ssl_stapling_file
 ssl_stapling_responder ssl_trusted_certificate ssl_verify_client
hs 1z client_header_buffer_size connection_pool_size http2_body_preread_size http2_pool_size
 http3_stream_buffer_size request_pool_size ssl_buffer_size
hs 2 large_client_header_buffers ssl_conf_command
hsl 0{ types
hsl 1 aio ancient_browser_value auth_request directio fastcgi_cache fastcgi_cache_key fastcgi_catch_stderr
 fastcgi_hide_header fastcgi_limit_rate fastcgi_pass_header fastcgi_split_path_info fastcgi_store
 grpc_hide_header grpc_pass_header grpc_ssl_certificate grpc_ssl_certificate_key grpc_ssl_name
 grpc_ssl_password_file http2_push http2_push_preload image_filter_jpeg_quality image_filter_sharpen
 image_filter_webp_quality js_engine js_fetch_proxy js_path mirror modern_browser_value proxy_cache
 proxy_cache_key proxy_hide_header proxy_limit_rate proxy_method proxy_pass_header proxy_ssl_certificate
 proxy_ssl_certificate_key proxy_ssl_name proxy_ssl_password_file proxy_store real_ip_header scgi_cache
 scgi_cache_key scgi_hide_header scgi_limit_rate scgi_pass_header scgi_store secure_link secure_link_md5
 server_tokens set_real_ip_from spdy_chunk_size userid_expires userid_mark uwsgi_cache uwsgi_cache_key
 uwsgi_hide_header uwsgi_limit_rate uwsgi_pass_header uwsgi_ssl_certificate uwsgi_ssl_certificate_key
 uwsgi_ssl_name uwsgi_ssl_password_file uwsgi_store xml_entities
hsl 1+ addition_types ancient_browser charset_types dav_methods early_hints error_log fastcgi_cache_bypass
 fastcgi_cache_methods fastcgi_cache_use_stale fastcgi_cache_valid fastcgi_ignore_headers fastcgi_next_upstream
 fastcgi_no_cache grpc_ignore_headers grpc_next_upstream grpc_ssl_protocols gzip_disable gzip_proxied gzip_types
 index js_fetch_protocols memcached_next_upstream proxy_cache_bypass proxy_cache_methods proxy_cache_use_stale
 proxy_cache_valid proxy_ignore_headers proxy_next_upstream proxy_no_cache proxy_ssl_protocols resolver
 scgi_cache_bypass scgi_cache_methods scgi_cache_use_stale scgi_cache_valid scgi_ignore_headers
 scgi_next_upstream scgi_no_cache ssi_types sub_filter_types tunnel_next_upstream uwsgi_cache_bypass
 uwsgi_cache_methods uwsgi_cache_use_stale uwsgi_cache_valid uwsgi_ignore_headers uwsgi_next_upstream
 uwsgi_no_cache uwsgi_ssl_protocols xslt_types
hsl 12 disable_symlinks fastcgi_bind grpc_bind js_var keepalive_disable keepalive_timeout memcached_bind
 modern_browser open_file_cache proxy_bind proxy_cookie_domain proxy_cookie_path proxy_redirect scgi_bind
 tunnel_bind uwsgi_bind
hsl 123 dav_access fastcgi_store_access grpc_ssl_certificate_cache limit_req proxy_ssl_certificate_cache
 proxy_store_access scgi_store_access userid_flags uwsgi_ssl_certificate_cache uwsgi_store_access
hsl 1234 client_body_temp_path fastcgi_temp_path open_log_file_cache proxy_cookie_flags proxy_temp_path
 scgi_temp_path uwsgi_temp_path
hsl 13 js_import js_preload_object
hsl 1c open_file_cache_valid
hsl 1f absolute_redirect aio_write autoindex autoindex_exact_size autoindex_localtime chunked_transfer_encoding
 client_body_in_single_buffer create_full_put_path etag fastcgi_buffering fastcgi_cache_background_update
 fastcgi_cache_lock fastcgi_cache_revalidate fastcgi_force_ranges fastcgi_ignore_client_abort
 fastcgi_intercept_errors fastcgi_keep_conn fastcgi_pass_request_body fastcgi_pass_request_headers
 fastcgi_request_buffering fastcgi_socket_keepalive grpc_intercept_errors grpc_socket_keepalive
 grpc_ssl_server_name grpc_ssl_session_reuse grpc_ssl_verify gunzip gzip_no_buffer gzip_vary
 image_filter_interlace image_filter_transparency js_fetch_verify limit_conn_dry_run limit_req_dry_run
 log_not_found log_subrequest memcached_socket_keepalive mirror_request_body mp4_start_key_frame msie_padding
 msie_refresh open_file_cache_errors open_file_cache_events port_in_redirect proxy_buffering
 proxy_cache_background_update proxy_cache_convert_head proxy_cache_lock proxy_cache_revalidate
 proxy_force_ranges proxy_ignore_client_abort proxy_intercept_errors proxy_pass_request_body
 proxy_pass_request_headers proxy_pass_trailers proxy_request_buffering proxy_socket_keepalive
 proxy_ssl_server_name proxy_ssl_session_reuse proxy_ssl_verify real_ip_recursive recursive_error_pages
 reset_timedout_connection scgi_buffering scgi_cache_background_update scgi_cache_lock scgi_cache_revalidate
 scgi_force_ranges scgi_ignore_client_abort scgi_intercept_errors scgi_pass_request_body
 scgi_pass_request_headers scgi_request_buffering scgi_socket_keepalive server_name_in_redirect
 ssi_ignore_recycled_buffers ssi_last_modified ssi_silent_errors sub_filter_last_modified sub_filter_once
 tcp_nodelay tcp_nopush tunnel_socket_keepalive uwsgi_buffering uwsgi_cache_background_update uwsgi_cache_lock
 uwsgi_cache_revalidate uwsgi_force_ranges uwsgi_ignore_client_abort uwsgi_intercept_errors
 uwsgi_pass_request_body uwsgi_pass_request_headers uwsgi_request_buffering uwsgi_socket_keepalive
 uwsgi_ssl_server_name uwsgi_ssl_session_reuse uwsgi_ssl_verify xml_external_entities xslt_last_modified
hsl 1n fastcgi_cache_min_uses fastcgi_next_upstream_tries grpc_next_upstream_tries grpc_ssl_verify_depth
 gzip_comp_level js_fetch_keepalive js_fetch_keepalive_requests js_fetch_verify_depth keepalive_requests
 limit_conn_status limit_req_status max_ranges memcached_gzip_flag memcached_next_upstream_tries
 min_delete_depth open_file_cache_min_uses proxy_cache_min_uses proxy_headers_hash_bucket_size
 proxy_headers_hash_max_size proxy_next_upstream_tries proxy_ssl_verify_depth scgi_cache_min_uses
 scgi_next_upstream_tries tunnel_next_upstream_tries types_hash_bucket_size types_hash_max_size userid_service
 uwsgi_cache_min_uses uwsgi_modifier1 uwsgi_modifier2 uwsgi_next_upstream_tries uwsgi_ssl_verify_depth
hsl 1o client_max_body_size directio_alignment fastcgi_cache_max_range_offset proxy_cache_max_range_offset
 scgi_cache_max_range_offset uwsgi_cache_max_range_offset
hsl 1t auth_delay client_body_timeout fastcgi_cache_lock_age fastcgi_cache_lock_timeout fastcgi_connect_timeout
 fastcgi_next_upstream_timeout fastcgi_read_timeout fastcgi_send_timeout grpc_connect_timeout
 grpc_next_upstream_timeout grpc_read_timeout grpc_send_timeout js_fetch_keepalive_time
 js_fetch_keepalive_timeout js_fetch_timeout keepalive_min_timeout keepalive_time lingering_time
 lingering_timeout memcached_connect_timeout memcached_next_upstream_timeout memcached_read_timeout
 memcached_send_timeout proxy_cache_lock_age proxy_cache_lock_timeout proxy_connect_timeout
 proxy_next_upstream_timeout proxy_read_timeout proxy_send_timeout resolver_timeout scgi_cache_lock_age
 scgi_cache_lock_timeout scgi_connect_timeout scgi_next_upstream_timeout scgi_read_timeout scgi_send_timeout
 send_timeout tunnel_connect_timeout tunnel_next_upstream_timeout tunnel_read_timeout tunnel_send_timeout
 uwsgi_cache_lock_age uwsgi_cache_lock_timeout uwsgi_connect_timeout uwsgi_next_upstream_timeout
 uwsgi_read_timeout uwsgi_send_timeout
hsl 1w add_after_body add_before_body autoindex_format client_body_in_file_only default_type degrade
 fastcgi_index grpc_ssl_ciphers grpc_ssl_crl grpc_ssl_trusted_certificate gzip_http_version gzip_static
 if_modified_since js_fetch_ciphers js_fetch_trusted_certificate limit_conn_log_level limit_req_log_level
 lingering_close proxy_http_version proxy_set_body proxy_ssl_ciphers proxy_ssl_crl proxy_ssl_trusted_certificate
 satisfy secure_link_secret userid userid_domain userid_name userid_p3p userid_path uwsgi_ssl_ciphers
 uwsgi_ssl_crl uwsgi_ssl_trusted_certificate uwsgi_string
hsl 1z client_body_buffer_size fastcgi_buffer_size fastcgi_busy_buffers_size fastcgi_max_temp_file_size
 fastcgi_send_lowat fastcgi_socket_rcvbuf fastcgi_socket_sndbuf fastcgi_temp_file_write_size grpc_buffer_size
 grpc_socket_rcvbuf grpc_socket_sndbuf gzip_hash gzip_min_length gzip_window http2_chunk_size
 image_filter_buffer js_context_reuse js_context_reuse_max_size js_fetch_buffer_size
 js_fetch_max_response_buffer_size memcached_buffer_size mp4_buffer_size mp4_max_buffer_size postpone_gzipping
 postpone_output proxy_buffer_size proxy_busy_buffers_size proxy_max_temp_file_size proxy_send_lowat
 proxy_socket_rcvbuf proxy_socket_sndbuf proxy_temp_file_write_size read_ahead scgi_buffer_size
 scgi_busy_buffers_size scgi_max_temp_file_size scgi_socket_rcvbuf scgi_socket_sndbuf scgi_temp_file_write_size
 send_lowat sendfile_max_chunk slice ssi_min_file_chunk ssi_value_length subrequest_output_buffer_size
 tunnel_buffer_size tunnel_send_lowat tunnel_socket_rcvbuf tunnel_socket_sndbuf uwsgi_buffer_size
 uwsgi_busy_buffers_size uwsgi_max_temp_file_size uwsgi_socket_rcvbuf uwsgi_socket_sndbuf
 uwsgi_temp_file_write_size
hsl 2 auth_request_set fastcgi_buffers grpc_set_header grpc_ssl_conf_command gunzip_buffers gzip_buffers
 limit_conn output_buffers proxy_buffers proxy_set_header proxy_ssl_conf_command scgi_buffers sub_filter
 uwsgi_buffers uwsgi_ssl_conf_command xslt_param xslt_string_param
hsl 23 fastcgi_param js_set scgi_param uwsgi_param
hslij 1f rewrite_log uninitialized_variable_warn
hslj 1 charset limit_rate limit_rate_after root source_charset
hslj 12 expires
hslj 1f gzip override_charset sendfile ssi
hslj 1w add_header_inherit add_trailer_inherit post_action
hslj 2+ error_page
hslj 23 add_header add_trailer
hsljx 1+ access_log
hslx 1 allow auth_basic auth_basic_user_file deny
s 1+ listen server_name
sl 01 stub_status
sl 1+ valid_referers
sl 1+{ if
sl 12{ location
sl 1n referer_hash_bucket_size referer_hash_max_size
sl 2+ try_files
slij 0 break
slij 12 return
slij 2 set
slij 23 rewrite
slj 01 tunnel_pass
l 0 empty_gif flv internal mp4
l 0+ js_periodic
l 1 alias
l 1+ xslt_stylesheet
l 1+{ limit_except
l 123 image_filter
l 1f random_index
lj 1 fastcgi_pass grpc_pass memcached_pass scgi_pass uwsgi_pass
ljx 1 js_access js_content proxy_pass
ljx 12 js_body_filter
ljx 1w js_header_filter
lx 1 perl
u 0 ip_hash least_conn
u 012 random
u 1+ resolver server
u 12 hash keepalive least_time zone
u 1n keepalive_requests
u 1t keepalive_time keepalive_timeout resolver_timeout
u 2+ sticky
H 0{ server
H 1+ js_shared_dict_zone
H 12 geoip_city geoip_country geoip_org
H 12{ geo
H 1n map_hash_bucket_size map_hash_max_size server_names_hash_bucket_size server_names_hash_max_size
 variables_hash_bucket_size variables_hash_max_size
H 1{ upstream
H 2 limit_conn_zone
H 2+ log_format
H 2{ map split_clients
HS 1 allow deny js_fetch_proxy js_path proxy_download_rate proxy_protocol proxy_ssl_certificate
 proxy_ssl_certificate_key proxy_ssl_name proxy_ssl_password_file proxy_upload_rate set_real_ip_from
 ssl_certificate ssl_certificate_key ssl_ech_file ssl_ocsp ssl_ocsp_cache ssl_password_file
 ssl_session_ticket_key
HS 1+ access_log error_log js_engine js_fetch_protocols proxy_ssl_alpn proxy_ssl_protocols resolver ssl_alpn
 ssl_protocols
HS 12 js_var proxy_bind ssl_session_cache
HS 123 proxy_ssl_certificate_cache ssl_certificate_cache
HS 1234 open_log_file_cache
HS 13 js_import js_preload_object
HS 1c ssl_session_timeout
HS 1f js_fetch_verify limit_conn_dry_run proxy_half_close proxy_next_upstream proxy_socket_keepalive proxy_ssl
 proxy_ssl_server_name proxy_ssl_session_reuse proxy_ssl_verify ssl_certificate_compression
 ssl_prefer_server_ciphers ssl_preread ssl_reject_handshake ssl_session_tickets ssl_stapling ssl_stapling_verify
 tcp_nodelay
HS 1n js_fetch_keepalive js_fetch_keepalive_requests js_fetch_verify_depth proxy_next_upstream_tries
 proxy_requests proxy_responses proxy_ssl_verify_depth ssl_verify_depth
HS 1t js_fetch_keepalive_time js_fetch_keepalive_timeout js_fetch_timeout preread_timeout proxy_connect_timeout
 proxy_next_upstream_timeout proxy_protocol_timeout proxy_timeout resolver_timeout ssl_handshake_timeout
HS 1w js_access js_fetch_ciphers js_fetch_trusted_certificate js_filter js_preread limit_conn_log_level
 proxy_ssl_ciphers proxy_ssl_crl proxy_ssl_trusted_certificate ssl_ciphers ssl_client_certificate ssl_crl
 ssl_dhparam ssl_ecdh_curve ssl_ocsp_responder ssl_stapling_file ssl_stapling_responder ssl_trusted_certificate
 ssl_verify_client
HS 1z js_context_reuse js_context_reuse_max_size js_fetch_buffer_size js_fetch_max_response_buffer_size
 preread_buffer_size proxy_buffer_size proxy_downstream_buffer proxy_socket_rcvbuf proxy_socket_sndbuf
 proxy_upstream_buffer
HS 2 limit_conn proxy_ssl_conf_command ssl_conf_command
HS 23 js_set
S 0+ js_periodic
S 1 pass proxy_pass return
S 1+ listen server_name
S 2 set
U 0 least_conn
U 012 random
U 1+ resolver server
U 12 hash least_time zone
U 1t resolver_timeout
A 0{ server
AB 1 auth_http proxy_protocol set_real_ip_from ssl_certificate ssl_certificate_key ssl_password_file
 ssl_session_ticket_key starttls
AB 1+ error_log imap_auth imap_capabilities pop3_auth pop3_capabilities resolver smtp_auth smtp_capabilities
 ssl_protocols
AB 12 ssl_session_cache
AB 1c ssl_session_timeout
AB 1f auth_http_pass_client_cert proxy proxy_pass_error_message proxy_smtp_auth ssl_certificate_compression
 ssl_prefer_server_ciphers ssl_session_tickets xclient
AB 1f ssl
AB 1n max_errors ssl_verify_depth
AB 1t auth_http_timeout proxy_timeout resolver_timeout smtp_greeting_delay timeout
AB 1w server_name ssl_ciphers ssl_client_certificate ssl_crl ssl_dhparam ssl_ecdh_curve ssl_trusted_certificate
 ssl_verify_client
AB 1z imap_client_buffer proxy_buffer smtp_client_buffer
AB 2 auth_http_header ssl_conf_command
B 1 protocol
B 1+ listen
"""
# Others of which nginx takes one in a block only.
_ONCE = frozenset(
    {
        "events", "http", "mail", "stream", "user", "worker_processes", "worker_connections", "use", "root",
        "alias", "expires", "proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass",
    }
)  # fmt: skip


class Usage(NamedTuple):
    """One way to write a directive. `most` None: as many arguments as one likes. `kind`: of the only argument."""

    contexts: str
    least: int
    most: int | None
    kind: str
    block: bool
    once: bool


@cache
def usages() -> Mapping[str, tuple[Usage, ...]]:
    """name -> how it may be written."""
    found: dict[str, list[Usage]] = defaultdict(list)
    for row in _TABLE.replace("\n ", " ").split("\n"):
        contexts, shape, *names = row.split() or ("", "")
        counts, kind = shape.strip("fntczow{"), shape.strip("0123456789+{")
        for name in names:
            most = None if counts.endswith("+") else int(counts[-1])
            once = kind != "" or name in _ONCE
            found[name].append(Usage(contexts, int(counts[0]), most, kind, shape.endswith("{"), once))
    return {name: tuple(ways) for name, ways in found.items()}


@cache
def names_in(context: str) -> frozenset[str]:
    """What may stand there."""
    return frozenset(name for name, ways in usages().items() if any(context in way.contexts for way in ways))
