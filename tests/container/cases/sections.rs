//! The files that sections write: `/etc/oem-release`, `update.conf`, `/etc/hosts`, flannel's options.

use crate::testbed::{Machine, Suite};

const ROOT: (u32, u32) = (0, 0);
const UPDATE: &str = "/etc/coreos/update.conf";
const SERVER: &str = "SERVER=https://public.update.core-os.net/v1/update/\n";

fn update(m: &Machine, text: &str) {
    m.is_file(UPDATE, text, 0o644, ROOT);
}

/// The address that the machine's own programs get for `name`.
fn resolved(m: &Machine, name: &str) -> String {
    m.sh(&format!("getent hosts {name} | cut -d' ' -f1"))
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("oem_release_has_all_five_lines", |m| {
        let config = r"
            coreos:
              oem:
                id: rackspace
                name: Rackspace Cloud Servers
                version-id: 1.10
                home-url: https://www.rackspace.com/cloud/servers/
                bug-report-url: https://github.com/coreos/coreos-overlay
            ";
        m.apply(config).ok();
        let text = "ID=rackspace\nVERSION_ID=1.10\nNAME=\"Rackspace Cloud Servers\"\n\
                    HOME_URL=\"https://www.rackspace.com/cloud/servers/\"\n\
                    BUG_REPORT_URL=\"https://github.com/coreos/coreos-overlay\"\n";
        m.is_file("/etc/oem-release", text, 0o644, ROOT);
        m.untouched(|| m.apply(config).ok());
    });

    suite.fresh("oem_release_needs_an_id_and_nothing_else", |m| {
        m.apply("coreos: {oem: {name: Nameless}}").ok();
        m.absent("/etc/oem-release");
        m.apply("coreos: {oem: {id: x}}").ok();
        let text = "ID=x\nVERSION_ID=\nNAME=\"\"\nHOME_URL=\"\"\nBUG_REPORT_URL=\"\"\n";
        m.is_file("/etc/oem-release", text, 0o644, ROOT);
    });

    suite.fresh("update_starts_from_the_image_and_appends_sorted", |m| {
        m.apply("coreos: {update: {reboot-strategy: reboot}}").ok();
        update(m, &format!("GROUP=stable\n{SERVER}REBOOT_STRATEGY=reboot\n"));
        m.sh("rm /etc/coreos/update.conf /usr/share/coreos/update.conf");
        m.apply("coreos: {update: {server: s, reboot-strategy: etcd-lock, group: g}}").ok();
        update(m, "GROUP=g\nREBOOT_STRATEGY=etcd-lock\nSERVER=s\n");
    });

    suite.fresh("update_replaces_in_place_and_keeps_every_other_line", |m| {
        m.sh("mkdir -p /etc/coreos; printf '# ours\\nREBOOT_STRATEGY=reboot\\n\\nGROUP=alpha\\nOTHER=x\\n' > /etc/coreos/update.conf");
        m.apply("coreos: {update: {group: beta, reboot_strategy: off}}").ok();
        update(m, "# ours\nREBOOT_STRATEGY=off\n\nGROUP=beta\nOTHER=x\n");
        m.untouched(|| m.apply("coreos: {update: {group: beta, reboot_strategy: 'off'}}").ok());
    });

    suite.fresh("update_has_the_last_word_on_a_file_that_the_same_part_writes", |m| {
        let config = r"
            write_files:
              - {path: /etc/coreos/update.conf, content: 'GROUP=mine', permissions: 0600}
            coreos:
              update: {reboot_strategy: reboot}
            ";
        m.apply(config).ok();
        update(m, "GROUP=mine\nREBOOT_STRATEGY=reboot\n");
        m.untouched(|| m.apply(config).ok());
    });

    suite.fresh("a_bad_strategy_refuses_the_section", |m| {
        m.apply("coreos: {update: {reboot_strategy: never, group: beta}}").fails().says(&["bad-strategy"]);
        m.absent(UPDATE);
    });

    suite.fresh("strategies_of_older_releases_and_yaml_tools_are_applied", |m| {
        m.apply("coreos: {update: {reboot_strategy: best-effort}}").ok().says(&["odd-strategy"]);
        update(m, &format!("GROUP=stable\n{SERVER}REBOOT_STRATEGY=best-effort\n"));
        m.apply("coreos: {update: {reboot_strategy: false}}").ok().says(&["odd-strategy"]);
        update(m, &format!("GROUP=stable\n{SERVER}REBOOT_STRATEGY=off\n"));
    });

    suite.fresh("a_strategy_restarts_locksmithd_and_off_masks_it_at_runtime", |m| {
        let unit = "locksmithd.service";
        m.apply("coreos: {update: {reboot_strategy: reboot}}").ok();
        assert_eq!(m.active(unit), "active");
        let first = m.invocation(unit);
        m.apply("coreos: {update: {reboot_strategy: reboot}}").ok();
        assert_ne!(m.invocation(unit), first);
        m.apply("coreos: {update: {reboot_strategy: off}}").ok();
        assert_eq!(m.link("/run/systemd/system/locksmithd.service").as_deref(), Some("/dev/null"));
        assert_eq!((m.active(unit), m.property(unit, "LoadState")), ("inactive".into(), "masked".into()));
        m.untouched(|| m.apply("coreos: {update: {reboot_strategy: off}}").ok());
        m.apply("coreos: {update: {reboot_strategy: etcd-lock}}").ok();
        m.absent("/run/systemd/system/locksmithd.service");
        assert_eq!(m.active(unit), "active");
        assert_eq!(m.active("update-engine.service"), "inactive");
    });

    suite.fresh("group_or_server_restart_the_update_engine", |m| {
        m.apply("coreos: {update: {group: beta}}").ok();
        assert_eq!(m.active("update-engine.service"), "active");
        assert_eq!(m.active("locksmithd.service"), "inactive");
        let first = m.invocation("update-engine.service");
        m.apply("coreos: {update: {server: https://example.com/}}").ok();
        assert_ne!(m.invocation("update-engine.service"), first);
        update(m, "GROUP=beta\nSERVER=https://example.com/\n");
    });

    suite.fresh("etc_hosts_resolves_the_host_name_and_keeps_the_rest", |m| {
        m.sh("printf '127.0.0.1 localhost\\n::1 localhost\\n# ours\\n10.0.0.1 other\\n' > /etc/hosts");
        m.apply("hostname: first.example.com\nmanage_etc_hosts: localhost").ok();
        let text = m.text("/etc/hosts");
        for line in ["127.0.0.1 localhost", "::1 localhost", "# ours", "10.0.0.1 other"] {
            assert!(text.lines().any(|seen| seen == line), "{line} is not in\n{text}");
        }
        assert_eq!(resolved(m, "first.example.com"), "127.0.0.1");
        assert_eq!((m.mode("/etc/hosts"), m.owner("/etc/hosts")), (0o644, ROOT));
        m.untouched(|| m.apply("hostname: first.example.com\nmanage_etc_hosts: localhost").ok());
        // One line of ours, kept up to date.
        m.apply("hostname: second\nmanage-etc-hosts: localhost").ok();
        assert_eq!(resolved(m, "second"), "127.0.0.1");
        let after = m.text("/etc/hosts");
        assert!(!after.contains("first"), "{after}");
        assert_eq!(after.lines().count(), text.lines().count());
    });

    suite.fresh("a_missing_etc_hosts_is_made", |m| {
        m.sh("rm /etc/hosts");
        m.apply("manage_etc_hosts: localhost").ok();
        assert_eq!(resolved(m, "bed"), "127.0.0.1");
        assert!(m.text("/etc/hosts").lines().any(|line| line == "127.0.0.1 localhost"));
        assert!(m.text("/etc/hosts").lines().any(|line| line == "::1 localhost"));
    });

    suite.fresh("any_other_value_for_etc_hosts_is_refused", |m| {
        let before = m.text("/etc/hosts");
        m.apply("manage_etc_hosts: true\nwrite_files: [{path: /etc/x, content: x}]").fails().says(&["bad-etc-hosts"]);
        assert_eq!(m.text("/etc/hosts"), before);
        assert_eq!(m.text("/etc/x"), "x");
    });

    suite.fresh("flannel_options_are_a_file", |m| {
        let config = r"
            coreos:
              flannel:
                etcd-endpoints: http://10.0.0.1:2379,http://10.0.0.2:2379
                etcd_prefix: /coreos.com/network2
                interface: eth1
                ip_masq: true
                subnet_file:
                public_ip: $public_ipv4
            ";
        let environment = [("COREOS_PUBLIC_IPV4", "203.0.113.9")];
        m.apply_with(config, &[], &environment).ok();
        let text = "FLANNELD_ETCD_ENDPOINTS=http://10.0.0.1:2379,http://10.0.0.2:2379\n\
                    FLANNELD_ETCD_PREFIX=/coreos.com/network2\nFLANNELD_IP_MASQ=true\n\
                    FLANNELD_IFACE=eth1\nFLANNELD_PUBLIC_IP=203.0.113.9\n";
        m.is_file("/run/flannel/options.env", text, 0o644, ROOT);
        m.untouched(|| m.apply_with(config, &[], &environment).ok());
    });

    odd_sections(suite);
}

fn odd_sections(suite: &mut Suite) {
    suite.fresh("oem_values_cannot_break_out_of_their_line", |m| {
        let config = r#"
            write_files: [{path: /etc/oem-release, content: overwritten}]
            coreos:
              oem:
                id: '$(reboot)'
                name: 'a "b" $c `d` \e'
                home-url: "https://example.com/\nID=evil"
            "#;
        m.apply(config).fails().says(&["coreos.oem.home_url", "bad-text", "0 unchanged, 1 error"]);
        let seen = m.sh(". /etc/oem-release; printf %s \"$ID|$NAME|$HOME_URL|$BUG_REPORT_URL\"");
        assert_eq!(seen, "$(reboot)|a \"b\" $c `d` \\e||");
        assert_eq!(m.text("/etc/oem-release").lines().count(), 5);
    });

    suite.fresh("a_bad_strategy_costs_the_whole_section_and_nothing_else", |m| {
        let config = "coreos: {update: {reboot_strategy: never, group: beta}, oem: {id: x}, fleet: {verbosity: 1}}";
        m.apply(config).fails().says(&["not applied: section coreos.update"]);
        for unit in ["locksmithd.service", "update-engine.service"] {
            assert_eq!(m.active(unit), "inactive", "{unit}");
        }
        assert!(m.exists("/etc/oem-release"));
        assert_eq!(m.property("fleet.service", "Environment"), "FLEET_VERBOSITY=1");
    });

    suite.fresh("an_empty_update_section_does_nothing", |m| {
        m.untouched(|| m.apply("coreos: {update: {}, oem: {}, flannel: {}}").ok());
        m.untouched(|| m.apply("coreos:\n  update:\n    reboot-strategy:\n    group:\n").ok());
        assert_eq!(m.active("locksmithd.service"), "inactive");
    });

    suite.fresh("an_update_conf_that_cannot_be_read_refuses_the_section", |m| {
        m.sh("mkdir -p /etc/coreos/update.conf");
        m.apply("coreos: {update: {group: beta}, oem: {id: x}}").fails().says(&["/etc/coreos/update.conf"]);
        assert!(m.exists("/etc/oem-release"));
    });

    suite.fresh("an_update_conf_that_is_a_link_is_replaced", |m| {
        m.sh("mkdir /etc/coreos; ln -s /usr/share/coreos/update.conf /etc/coreos/update.conf");
        let image = m.text("/usr/share/coreos/update.conf");
        m.apply("coreos: {update: {group: beta}}").ok();
        update(m, &image.replace("GROUP=stable", "GROUP=beta"));
        assert_eq!(m.text("/usr/share/coreos/update.conf"), image);
    });

    suite.fresh("off_has_the_last_word_on_locksmithd", |m| {
        m.sh("systemctl start locksmithd.service");
        let config = "coreos: {locksmith: {group: g}, update: {reboot_strategy: off}}";
        m.apply(config).ok();
        assert_eq!(m.link("/run/systemd/system/locksmithd.service").as_deref(), Some("/dev/null"));
        assert_eq!(m.active("locksmithd.service"), "inactive");
        m.untouched(|| m.apply(config).ok());
    });

    suite.fresh("etc_hosts_starts_from_the_file_of_the_part", |m| {
        let config = r"
            hostname: named
            manage_etc_hosts: localhost
            write_files:
              - {path: /etc/hosts, content: '10.0.0.1 other', permissions: '0600'}
            ";
        m.apply(config).ok();
        assert_eq!(resolved(m, "named"), "127.0.0.1");
        assert_eq!(resolved(m, "other"), "10.0.0.1");
        assert_eq!(m.mode("/etc/hosts"), 0o644);
        m.untouched(|| m.apply(config).ok());
    });

    suite.fresh("etc_hosts_has_the_name_that_the_machine_has", |m| {
        m.apply("hostname: 'not valid'\nmanage_etc_hosts: localhost").fails();
        assert!(m.text("/etc/hosts").contains("127.0.0.1 bed "), "{}", m.text("/etc/hosts"));
        // The reference's file, of one line, is one of ours.
        m.put("/etc/hosts", "127.0.0.1 older\n");
        m.apply("manage_etc_hosts: localhost").ok();
        assert!(!m.text("/etc/hosts").contains("older"), "{}", m.text("/etc/hosts"));
        assert_eq!(resolved(m, "bed"), "127.0.0.1");
    });

    suite.fresh("flannel_with_a_password_is_for_root_only", |m| {
        m.apply("coreos: {flannel: {etcd_username: u, etcd_password: ' a\"b\\c '}}").ok();
        assert_eq!(m.mode("/run/flannel/options.env"), 0o600);
        m.sh("mkdir -p /run/systemd/system/flanneld.service.d; printf '[Service]\\nEnvironmentFile=/run/flannel/options.env\\n' \
              > /run/systemd/system/flanneld.service.d/x.conf; systemctl daemon-reload; systemctl start flanneld.service");
        let main = m.property("flanneld.service", "MainPID");
        let seen = m.sh(&format!("tr '\\0' '\\n' < /proc/{main}/environ | grep PASSWORD"));
        assert_eq!(seen, "FLANNELD_ETCD_PASSWORD= a\"b\\c");
    });
}
