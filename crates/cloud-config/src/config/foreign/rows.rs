//! The table of the keys of other programs.

use super::Program::{Butane, CloudInit, Etcd1, Ignition, Installer, Mistake, Systemd};
use super::{ForeignKey, Program};

const TOP: &str = "";
const USER: &str = "users[]";
const FILE: &str = "write_files[]";
const UNIT: &str = "coreos.units[]";

const NO_PACKAGES: &str =
    "no packages are installed: run the program as a container in a unit, or write it with `write_files`";
const AS_A_WHOLE: &str = "the system is updated as a whole: see `coreos.update`";
const MANAGER: &str = "run it as a container, in a unit of `coreos.units`";
const ANOTHER: &str = "remove it: it configures another system";
const JOURNAL: &str = "remove it: the journal contains the log";
const ITSELF: &str = "remove it: it configures cloud-init itself";
const HASH: &str = "write the hash of the password as `passwd` of an item of `users`: `openssl passwd -6` makes one";
const KEYS: &str = "list the keys themselves in `ssh_authorized_keys`";
const SSHD: &str = "write the setting into a file in `/etc/ssh/sshd_config.d/` with `write_files`";
const HOST_KEYS: &str = "remove it: the system creates missing host keys";
const DISKS: &str = "write a unit with `Type=oneshot` that prepares the disk before it is mounted";

const fn row(place: &'static str, program: Program, keys: &'static str, help: &'static str) -> ForeignKey {
    ForeignKey { place, keys, program, help }
}

/// Keys of other programs, grouped by subject or by the mapping that contains them.
pub(crate) static ROWS: &[ForeignKey] = &[
    // Commands.
    row(
        TOP,
        CloudInit,
        "runcmd",
        "put the commands into a unit of `coreos.units` with `command: start`, or give them as a script, which begins \
         with `#!`",
    ),
    row(
        TOP,
        CloudInit,
        "bootcmd",
        "put the commands into a unit of `coreos.units` with `command: start`, which runs at every boot",
    ),
    row(
        TOP,
        CloudInit,
        "power_state",
        "write a unit that runs `systemctl reboot` or `poweroff`, with a `Condition…=` so that it does so once",
    ),
    row(TOP, CloudInit, "phone_home", "write a unit with `command: start` that runs `curl`"),
    row(TOP, CloudInit, "final_message output log_cfgs def_log_file reporting", JOURNAL),
    // Packages.
    row(TOP, CloudInit, "packages snap snappy apk_repos yum_repos yum_repo_dir zypper", NO_PACKAGES),
    row(TOP, CloudInit, "apt apt_sources apt_mirror apt_mirror_search apt_proxy apt_pipelining", NO_PACKAGES),
    row(TOP, CloudInit, "apt_preserve_sources_list debconf_selections", NO_PACKAGES),
    row(TOP, CloudInit, "package_update package_upgrade package_reboot_if_required", AS_A_WHOLE),
    row(TOP, CloudInit, "apt_update apt_upgrade apt_reboot_if_required", AS_A_WHOLE),
    row(TOP, CloudInit, "ansible chef mcollective puppet salt_minion", MANAGER),
    row(TOP, CloudInit, "rh_subscription spacewalk ubuntu_advantage ubuntu_pro landscape lxd fan", ANOTHER),
    row(TOP, CloudInit, "byobu_by_default drivers grub_dpkg rpi", ANOTHER),
    // Accounts.
    row(
        TOP,
        CloudInit,
        "groups",
        "name groups that exist in the `groups` of a user; create new ones with `groupadd`, in a script or in the image",
    ),
    row(
        TOP,
        CloudInit,
        "user",
        "remove it: it names cloud-init's default user; write a user of your own as an item of `users`, with `name: NAME`",
    ),
    row(TOP, CloudInit, "password chpasswd", HASH),
    row(TOP, CloudInit, "ssh_import_id", KEYS),
    row(TOP, CloudInit, "allow_public_ssh_keys", "remove it: keys from the metadata service are set"),
    row(TOP, CloudInit, "ssh_pwauth disable_root disable_root_opts", SSHD),
    row(
        TOP,
        CloudInit,
        "ssh_keys",
        "write the host keys to `/etc/ssh/ssh_host_…_key` with `write_files`, mode `0600`; keys for logging in are \
         `ssh_authorized_keys`",
    ),
    row(TOP, CloudInit, "ssh ssh_deletekeys ssh_genkeytypes ssh_publish_hostkeys ssh_quiet_keygen", HOST_KEYS),
    row(TOP, CloudInit, "ssh_fp_console_blacklist no_ssh_fingerprints authkey_hash", HOST_KEYS),
    // Host name, time and other settings of the machine.
    row(TOP, CloudInit, "fqdn", "write the whole name as `hostname`"),
    row(TOP, CloudInit, "prefer_fqdn_over_hostname", "write the name as `hostname`"),
    row(
        TOP,
        CloudInit,
        "preserve_hostname create_hostname_file",
        "a host name from this configuration or the metadata is set; without one, the machine keeps its host name",
    ),
    row(TOP, CloudInit, "timezone", "write a unit with `command: start` that runs `timedatectl set-timezone ZONE`"),
    row(TOP, CloudInit, "locale locale_configfile", "write `/etc/locale.conf` with `write_files`"),
    row(TOP, CloudInit, "keyboard", "write `/etc/vconsole.conf` with `write_files`"),
    row(
        TOP,
        CloudInit,
        "ntp",
        "write `/etc/systemd/timesyncd.conf` with `write_files`, and a unit `systemd-timesyncd.service` with \
         `command: restart`",
    ),
    row(
        TOP,
        CloudInit,
        "ca_certs",
        "write each certificate to `/etc/ssl/certs/NAME.pem` with `write_files`, and a unit that runs \
         `update-ca-certificates`",
    ),
    row(TOP, CloudInit, "random_seed", "remove it: systemd keeps a random seed across boots"),
    row(
        TOP,
        CloudInit,
        "rsyslog syslog_fix_perms",
        "write a unit that sends the journal on: for example with `journalctl --follow`",
    ),
    // Disks.
    row(TOP, CloudInit, "disk_setup fs_setup device_aliases", DISKS),
    row(
        TOP,
        CloudInit,
        "mounts mount_default_fields",
        "write a `.mount` unit in `coreos.units`, named after its path: `var-lib-data.mount`",
    ),
    row(TOP, CloudInit, "swap", "write a `.swap` unit in `coreos.units`, and one before it that makes the file"),
    row(
        TOP,
        CloudInit,
        "growpart resize_rootfs",
        "remove it if the system grows its root file system; otherwise write a unit with `Type=oneshot`",
    ),
    // The network.
    row(
        TOP,
        CloudInit,
        "network network_interfaces wireguard",
        "write `.network` and `.netdev` units in `coreos.units`",
    ),
    row(
        TOP,
        CloudInit,
        "manage_resolv_conf resolv_conf",
        "write `DNS=` into a `.network` unit, or `/etc/systemd/resolved.conf` with `write_files`",
    ),
    // Settings of cloud-init itself.
    row(TOP, CloudInit, "system_info cloud_init_modules cloud_config_modules cloud_final_modules", ITSELF),
    row(TOP, CloudInit, "datasource datasource_list disable_ec2_metadata manual_cache_clean migrate updates", ITSELF),
    row(TOP, CloudInit, "merge_how merge_type", "remove it: parts are applied in order and not merged"),
    row(TOP, CloudInit, "launch_index", "remove it: each machine has its own user-data"),
    row(TOP, CloudInit, "vendor_data vendor_data2", "remove it: vendor data is unsupported"),
    row(TOP, Installer, "autoinstall", "remove it: this program does not install systems"),
    // Ignition, Butane and other successors.
    row(
        TOP,
        Ignition,
        "ignition",
        "an Ignition configuration is JSON for Ignition; it cannot be part of a cloud-config",
    ),
    row(
        TOP,
        Ignition,
        "passwd",
        "write its users as items of `users`, and the keys of `core` as `ssh_authorized_keys`",
    ),
    row(TOP, Ignition, "storage", "write its files as items of `write_files`; disks take a unit"),
    row(TOP, Ignition, "systemd networkd", "write its units as items of `coreos.units`"),
    row(TOP, Ignition, "kernel_arguments", "write them into the boot loader's own configuration"),
    row(
        TOP,
        Butane,
        "variant boot_device",
        "remove it, or convert the whole file to an Ignition configuration with `butane`",
    ),
    // Keys of a user.
    row(
        USER,
        CloudInit,
        "sudo",
        "add the user to a group with `groups: [sudo]`, or write `/etc/sudoers.d/NAME` with `write_files`",
    ),
    row(USER, CloudInit, "doas", "write `/etc/doas.conf` with `write_files`"),
    row(
        USER,
        CloudInit,
        "lock_passwd",
        "remove it: a user without `passwd` cannot log in with a password, a user with `passwd` can",
    ),
    row(USER, CloudInit, "plain_text_passwd", HASH),
    row(USER, CloudInit, "hashed_passwd", "write the hash as `passwd`"),
    row(USER, CloudInit, "inactive expiredate", "write a unit with `command: start` that runs `chage`"),
    row(USER, CloudInit, "ssh_import_id", KEYS),
    row(USER, CloudInit, "ssh_redirect_user", "remove it: every user logs in with its own keys"),
    row(USER, CloudInit, "snapuser", ANOTHER),
    row(USER, Mistake, "create_home", "write `no_create_home: true` for a user without a home"),
    row(USER, CloudInit, "uid", "remove it: the system assigns the next free number"),
    row(USER, CloudInit, "create_groups", "remove it: only the user's own group is created"),
    row(USER, CloudInit, "selinux_user", "remove it: the SELinux policy of the image maps logins"),
    row(USER, Ignition, "password_hash passwordhash", "write the hash as `passwd`"),
    row(USER, Mistake, "password", HASH),
    row(USER, Mistake, "gid group", "write the primary group as `primary_group`, further ones as `groups`"),
    row(USER, Mistake, "home", "write it as `homedir`"),
    row(USER, Mistake, "comment full_name fullname", "write it as `gecos`"),
    row(USER, Mistake, "ssh_keys ssh_key keys key", "list them in `ssh_authorized_keys`"),
    row(USER, Mistake, "username user login", "write it as `name`"),
    // Keys of a file.
    row(
        FILE,
        CloudInit,
        "append",
        "give the whole content: a file is replaced; many programs also read a `.d` directory of small files",
    ),
    row(FILE, CloudInit, "defer", "remove it: users are created before files, and files before units"),
    row(FILE, CloudInit, "source", "write the content itself, or a unit with `command: start` that fetches it"),
    row(FILE, Ignition, "contents", "write it as `content`"),
    row(FILE, Ignition, "filesystem overwrite", "remove it: an existing file is replaced"),
    row(FILE, Mistake, "mode", "write it as `permissions`"),
    row(FILE, Mistake, "user group uid gid", "write both as `owner`: `user:group`"),
    row(FILE, Mistake, "name file filename dest destination", "write it as `path`"),
    // Keys of a unit.
    row(UNIT, Ignition, "contents", "write it as `content`"),
    row(UNIT, Ignition, "enabled", "write it as `enable`"),
    row(UNIT, Ignition, "dropins", "write it as `drop_ins`"),
    row(UNIT, Mistake, "action state", "write it as `command`"),
    row(
        UNIT,
        Systemd,
        "description documentation requires wants bindsto conflicts before after",
        "write it into the `[Unit]` section of `content`, or of a drop-in",
    ),
    row(
        UNIT,
        Systemd,
        "type environment environmentfile execstart execstartpre execstop restart user workingdirectory",
        "write it into the `[Service]` section of `content`, or of a drop-in",
    ),
    row(
        UNIT,
        Systemd,
        "wantedby requiredby alias",
        "write it into the `[Install]` section of `content`, and set `enable: true`",
    ),
    // Options of services.
    row("coreos.etcd2", Etcd1, "addr", "write it as `advertise_client_urls`, with `http://` before it"),
    row("coreos.etcd2", Etcd1, "bind_addr", "write it as `listen_client_urls`, with `http://` before it"),
    row("coreos.etcd2", Etcd1, "peer_addr", "write it as `initial_advertise_peer_urls`, with `http://` before it"),
    row("coreos.etcd2", Etcd1, "peer_bind_addr", "write it as `listen_peer_urls`, with `http://` before it"),
    row("coreos.etcd2", Etcd1, "peers peers_file", "write the members as `initial_cluster`"),
    row("coreos.locksmith", Mistake, "etcd_servers etcd_endpoints", "write them as `endpoint`"),
    row("coreos.flannel", Mistake, "etcd_servers endpoint", "write them as `etcd_endpoints`"),
    row("coreos.fleet", Mistake, "etcd_endpoints endpoint", "write them as `etcd_servers`"),
    row("coreos.update", Mistake, "strategy reboot", "write it as `reboot_strategy`"),
    row("coreos.update", Mistake, "channel", "write it as `group`: `stable`, `beta`, `alpha`"),
];
