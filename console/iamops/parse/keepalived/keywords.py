"""keepalived.conf's keywords: the blocks they belong in, what stands behind them, and since when. Data only.

Source: keepalived.conf(5), and the keywords that its parsers register in versions 1.3.5 to 2.4.3. An entry of the
table is `keyword kind [@version]`, without a version where 2.0.0 has it. The kinds:

    -  any            nothing, or whatever stands there
    word  addr        one word, an address
    bool              nothing, or one of yes, no, on, off, true, false
    1..255  0.1~255   a whole number, a number with a fraction
    A|B               one of these words
    {}  {block}       free words in a block, keywords of that block
    word{}  name{}    a block with words, or with exactly one, before its brace
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

ROOT = "the top level"
_U32, _SECONDS = str(2**32 - 1), "4294"

_TABLE = """
: the top level
global_defs {global_defs}; vrrp_instance name{vrrp_instance}; vrrp_sync_group name{vrrp_sync_group}
vrrp_script word{vrrp_script}; vrrp_track_process word{vrrp_track_process} @2.0.11; garp_group {garp_group}
vrrp_track_file word{track_file}; track_file word{track_file} @2.1.0; track_group name{track_group} @2.0.3
static_ipaddress {}; static_routes {}; static_rules {}; linkbeat_interfaces {} @2.0.13
interface_up_down_delays {} @2.2.3; bfd_instance word{bfd_instance}
virtual_server word{virtual_server}; virtual_server_group word{}; SSL {SSL}
linkbeat_use_polling -; net_namespace word; net_namespace_ipvs word @2.1.0; namespace_with_ipsets -; use_pid_dir -
instance word; child_wait_time 0..U

: global_defs
process_names - @2.0.16; process_name any @2.0.16; vrrp_process_name any @2.0.16
checker_process_name any @2.2.0; lvs_process_name any @2.0.16; bfd_process_name any @2.0.16
use_symlink_paths any @2.3.0; router_id word; notification_email_from word; notification_email {}
smtp_server word; smtp_helo_name any; smtp_connect_timeout 0..S; smtp_alert bool; smtp_alert_vrrp bool
smtp_alert_checker bool; checker_log_all_failures bool @2.0.11; no_email_faults -
startup_script word @2.1.0; startup_script_timeout 1..1000 @2.1.0
shutdown_script word @2.1.0; shutdown_script_timeout 1..1000 @2.1.0
max_auto_priority any @2.1.0; min_auto_priority_delay 1..10000000 @2.1.0
dynamic_interfaces any; default_interface word; disable_local_igmp - @2.2.0; v3_checksum_as_v2 any @2.2.8
lvs_timeouts word; lvs_flush -; lvs_flush_on_stop any @2.2.0; lvs_flush_onstop any @2.0.15; lvs_sync_daemon word
vrrp_mcast_group4 addr; vrrp_mcast_group6 addr; vrrp_garp_master_delay 0..S; vrrp_garp_master_repeat 0..U
vrrp_garp_master_refresh 0..U; vrrp_garp_master_refresh_repeat 0..U; vrrp_garp_lower_prio_delay 0..S
vrrp_garp_lower_prio_repeat 0..U; vrrp_down_timer_adverts 1..100 @2.2.3; vrrp_garp_interval 0~S
vrrp_gna_interval 0~S
vrrp_min_garp bool @2.0.12; vrrp_garp_extra_if any @2.2.3; vrrp_vmac_garp_intvl any @2.2.0
vrrp_lower_prio_no_advert bool; vrrp_higher_prio_send_advert bool; vrrp_version 2..3; vrrp_iptables any
vrrp_ipsets any; nftables any @2.0.11; nftables_priority int @2.0.11; nftables_ifindex - @2.0.11
nftables_counters - @2.0.11; nftables_ipvs any @2.2.2; nftables_ipvs_priority int @2.2.2
nftables_ipvs_start_fwmark 1..U @2.2.2; vrrp_check_unicast_src -; vrrp_skip_check_adv_addr any; vrrp_strict -
vrrp_priority -20..19; checker_priority -20..19; bfd_priority -20..19; vrrp_no_swap -; checker_no_swap -
bfd_no_swap -
vrrp_rt_priority int; checker_rt_priority int; bfd_rt_priority int
vrrp_cpu_affinity int @2.0.17; checker_cpu_affinity int @2.0.17; bfd_cpu_affinity int @2.0.17
vrrp_rlimit_rttime 1..U @2.1.0; checker_rlimit_rttime 1..U @2.1.0; bfd_rlimit_rttime 1..U @2.1.0
vrrp_rlimit_rtime 1..U; checker_rlimit_rtime 1..U; bfd_rlimit_rtime 1..U
notify_fifo word; notify_fifo_script word; vrrp_notify_fifo word; vrrp_notify_fifo_script word
lvs_notify_fifo word; lvs_notify_fifo_script word; vrrp_notify_priority_changes bool @2.0.16
fifo_write_vrrp_states_on_reload any @2.2.5
snmp_socket any; enable_traps -; enable_snmp_vrrp -; enable_snmp_keepalived -; enable_snmp_rfc -
enable_snmp_rfcv2 -; enable_snmp_rfcv3 -; enable_snmp_checker -; snmp_vs_stats_update_interval 0.001~30 @2.3.0
snmp_rs_stats_update_interval 0.001~30 @2.3.0
enable_dbus -; dbus_service_name word; dbus_no_interface_name any @2.3.0; script_user word
enable_script_security -
vrrp_netlink_cmd_rcv_bufs 0..U; vrrp_netlink_cmd_rcv_bufs_force bool; vrrp_netlink_monitor_rcv_bufs 0..U
vrrp_netlink_monitor_rcv_bufs_force bool; process_monitor_rcv_bufs 0..U @2.0.11
process_monitor_rcv_bufs_force bool @2.0.11; lvs_netlink_cmd_rcv_bufs 0..U; lvs_netlink_cmd_rcv_bufs_force bool
lvs_netlink_monitor_rcv_bufs 0..U; lvs_netlink_monitor_rcv_bufs_force bool
rs_init_notifies bool; no_checker_emails bool; vrrp_rx_bufs_policy word @2.0.3; vrrp_rx_bufs_multiplier 1..U @2.0.3
vrrp_startup_delay 0.001~S @2.0.14; vrrp_delay_after_boot 0.001~S @2.4.0; log_unknown_vrids - @2.0.16
vrrp_owner_ignore_adverts any @2.3.3; vmac_prefix word @2.2.0; vmac_addr_prefix word @2.2.0; umask any @2.0.9
random_seed 0..U @2.0.15; reload_check_config any @2.2.0; reload_time_file word @2.1.0; reload_repeat - @2.1.0
reload_file any @2.2.0; include_check any @2.2.0; config_save_dir any @2.2.3; tmp_config_directory any @2.2.0
data_use_instance bool @2.2.3; json_version 1..2 @2.2.8; iproute_usr_dir word @2.3.2; iproute_etc_dir word @2.3.2
state_dump_file word @2.3.3; stats_dump_file word @2.3.3; json_dump_file word @2.3.3
linkbeat_use_polling -; net_namespace word; namespace_with_ipsets -; use_pid_dir -; instance word
child_wait_time 0..U; net_namespace_ipvs word @2.1.0

: vrrp_instance
state MASTER|BACKUP; interface word; virtual_router_id 1..255; priority 1..255; advert_int 0.01~255; version 2..3
virtual_ipaddress {}; virtual_ipaddress_excluded {}; virtual_routes {}; virtual_rules {}; unicast_peer {}
unicast_src_ip addr; mcast_src_ip addr; mcast_dst_ip addr @2.2.5; track_src_ip -; unicast_ttl 0..255 @2.1.0
unicast_fault_no_peer - @2.2.5; check_unicast_src any @2.1.0; old_unicast_checksum any; native_ipv6 -
authentication {authentication}; auth_hmac {auth_hmac} @2.4.0; nopreempt -; preempt -; preempt_delay 0~1000
track_interface {}; track_script {}; track_file {}; track_process {} @2.0.11; track_bfd {}
dont_track_primary -; notify word; notify_master word; notify_backup word; notify_fault word; notify_stop word
notify_deleted any @2.1.0; notify_master_rx_lower_pri word @2.0.6; notify_priority_changes bool @2.0.16
smtp_alert bool
use_vmac any; use_vmac_addr - @2.2.0; vmac_xmit_base -; use_ipvlan any @2.0.17; vrf word @2.2.5
no_virtual_ipaddress - @2.2.8; promote_secondaries -; linkbeat_use_polling -; v3_checksum_as_v2 any @2.2.8
accept -; no_accept -; skip_check_adv_addr bool; strict_mode bool; debug 0..4; lvs_sync_daemon_interface word
garp_master_delay 0..S; garp_master_refresh 0..U; garp_master_repeat 0..U; garp_master_refresh_repeat 0..U
garp_lower_prio_delay 0..S; garp_lower_prio_repeat 0..U; down_timer_adverts 1..100 @2.2.3
timer_expired_backup any @2.2.8; thread_timer_expired any @2.3.2; garp_extra_if any @2.2.3
vmac_garp_intvl any @2.2.0
lower_prio_no_advert bool; higher_prio_send_advert bool; owner_ignore_adverts any @2.3.3
kernel_rx_buf_size 0..U @2.0.3

: authentication
auth_type PASS|AH; auth_pass word

: auth_hmac
key word; active_key 1..255; time_window int; anti_replay time|monotonic; mode enforce|permissive|receive-only

: vrrp_sync_group
group {}; track_interface {}; track_script {}; track_file {}; track_process {} @2.0.11; track_bfd {}
notify word; notify_master word; notify_backup word; notify_fault word; notify_stop word; smtp_alert bool
global_tracking -; sync_group_tracking_weight -; notify_priority_changes bool @2.0.16

: vrrp_script
script word; interval 0.001~S; timeout 0~S; weight int-253..253; rise 1..I; fall 1..I; user word; init_fail -

: vrrp_track_process
process word; param_match any @2.0.16; weight int-254..254; quorum 1..65535; quorum_max 0..65535 @2.0.16
delay 0.000001~3600; terminate_delay 0.000001~3600 @2.0.16; fork_delay 0.000001~3600 @2.0.16; full_command -

: track_file
file word; weight int-254..254; init_file any

: track_group
group {}

: garp_group
garp_interval 0~S; gna_interval 0~S; interface word; interfaces {}

: bfd_instance
source_ip addr; neighbor_ip addr; neighbour_ip addr; min_rx 1~4294967; min_tx 1~4294967; idle_tx 1000~4294967
multiplier 1..255; passive -; ttl 1..255; hoplimit 1..255; max_hops -1..255; multihop any @2.2.8
weight int-253..253; vrrp -; checker -

: SSL
password word; ca word; certificate word; key word

: virtual_server
ip_family inet|inet6; retry 1..U; delay_before_retry seconds; warmup seconds; connect_timeout 0.000001~S @2.0.13
delay_loop seconds; inhibit_on_failure -; lb_algo LVS; lvs_sched LVS; hashed -; ops -; flag-1 -; flag-2 -; flag-3 -
sh-port -; sh-fallback -; mh-port - @2.0.20; mh-fallback - @2.0.20; lb_kind NAT|DR|TUN; lvs_method NAT|DR|TUN
persistence_engine word; persistence_timeout any; persistence_granularity word; protocol TCP|UDP|SCTP|tcp|udp|sctp
ha_suspend -; smtp_alert bool; virtualhost word; snmp_name word @2.2.3; alpha any; omega any; quorum_up word
quorum_down word; quorum 1..U; hysteresis 0..U; weight 1..I; sorry_server word; sorry_server_inhibit -
sorry_server_lvs_method NAT|DR|TUN; real_server word{real_server}

: real_server
weight 0..I; lvs_method NAT|DR|TUN; uthreshold 0..U; lthreshold 0..U; inhibit_on_failure bool; notify_up word
notify_down word; alpha bool; retry 1..U; delay_before_retry seconds; warmup seconds
connect_timeout 0.000001~S @2.0.13
delay_loop seconds; smtp_alert bool; virtualhost word; snmp_name word @2.2.3
HTTP_GET {HTTP_GET}; SSL_GET {HTTP_GET}; TCP_CHECK {TCP_CHECK}; SMTP_CHECK {SMTP_CHECK}; DNS_CHECK {DNS_CHECK}
MISC_CHECK {MISC_CHECK}; PING_CHECK {TCP_CHECK} @2.1.0; UDP_CHECK {UDP_CHECK} @2.1.0; BFD_CHECK {BFD_CHECK}
FILE_CHECK {FILE_CHECK} @2.1.0

: any checker
retry 0..U; delay_before_retry seconds; warmup seconds; delay_loop seconds; alpha bool
log_all_failures bool @2.0.11

: any connection
connect_ip addr; connect_port 1..65535; bindto addr; bind_port 1..65535; bind_if word; connect_timeout 0.000001~S
fwmark 0..U

: HTTP_GET = any checker + any connection
nb_get_retry 0..U; virtualhost word; http_protocol 1.0|1.1|1.0C|1.0c|1.1C|1.1c @2.0.17; enable_sni bool
fast_recovery bool @2.0.17; tls_compliant any @2.2.8; url {url}

: url
path word; digest word; status_code word; virtualhost word; regex word @2.0.7; regex_no_match any @2.0.7
regex_options word @2.0.7; regex_min_offset any @2.0.7; regex_max_offset any @2.0.7; regex_stack any @2.0.7
tls_compliant any @2.2.8

: TCP_CHECK = any checker + any connection

: SMTP_CHECK = any checker + any connection
helo_name word; host {host}

: host = any checker + any connection

: DNS_CHECK = any checker + any connection
type word; name word

: MISC_CHECK = any checker
misc_path word; misc_timeout 0..S; misc_dynamic -; user word

: UDP_CHECK = any checker + any connection
payload any @2.2.0; require_reply any; min_reply_length 0..65535 @2.2.0; max_reply_length 0..65535 @2.2.0

: BFD_CHECK
name word; alpha any

: FILE_CHECK
track_file word; weight any
"""
_SHORT = {"U": _U32, "S": _SECONDS, "I": str(2**31 - 1)}
_LVS = "rr|wrr|lc|wlc|lblc|lblcr|sh|mh|dh|fo|ovf|sed|nq|twos"


@dataclass(frozen=True, slots=True)
class Keyword:
    """One keyword in one block.

    `kind`: none, word, address, bool, number, fraction or choice. `low`, `high`: of a number. `choices`: words.
    `block`: None without braces, "" where free words stand in them, else the block whose keywords do.
    `named`: words before the brace, 0, 1, or 2 for one or more. `since`: the version it appeared in.
    """

    name: str
    kind: str
    since: str = "2.0.0"
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    block: str | None = None
    named: int = 0


@dataclass(frozen=True, slots=True)
class _TableBlock:
    parents: tuple[str, ...] = ()
    keywords: dict[str, Keyword] = field(default_factory=dict)


@cache
def keywords() -> Mapping[str, Mapping[str, Keyword]]:
    """Block -> keyword -> what is known of it; the outermost is `ROOT`."""
    sections: dict[str, _TableBlock] = {}
    name = ""
    for line in filter(None, _TABLE.split("\n")):
        if line.startswith(": "):
            name, _, parents = line[2:].partition(" = ")
            sections[name] = _TableBlock(tuple(filter(None, parents.split(" + "))))
        else:
            sections[name].keywords.update((each.name, each) for each in _entries(line))
    return {
        name: {key: each for part in (*section.parents, name) for key, each in sections[part].keywords.items()}
        for name, section in sections.items()
        if not name.startswith("any ")
    }


@cache
def homes(keyword: str) -> tuple[str, ...]:
    """The blocks it belongs in."""
    return tuple(block for block, known in keywords().items() if keyword in known)


def _entries(line: str) -> Iterator[Keyword]:
    for entry in line.split("; "):
        name, kind, *since = entry.split()
        yield _keyword(name, kind, since[0].removeprefix("@") if since else "2.0.0")


def _keyword(name: str, kind: str, since: str) -> Keyword:
    if kind.endswith("}"):
        before, _, block = kind.removesuffix("}").partition("{")
        return Keyword(name, "none", since, block=block, named={"": 0, "name": 1, "word": 2}[before])
    if kind == "LVS" or "|" in kind:
        return Keyword(name, "choice", since, choices=tuple((_LVS if kind == "LVS" else kind).split("|")))
    if kind == "int":
        kind = f"-{_SHORT['I']}..{_SHORT['I']}"
    if kind == "seconds":
        kind = f"0~{_U32}"
    for sign, what in (("..", "number"), ("~", "fraction")):
        low, found, high = kind.removeprefix("int").partition(sign)
        if found:
            return Keyword(name, what, since, float(low), float(_SHORT.get(high, high)))
    return Keyword(name, {"-": "none", "any": "none", "addr": "address"}.get(kind, kind), since)
