//! Addresses: `/etc/environment`, and the tokens in the text.

use crate::testbed::Suite;

const ROOT: (u32, u32) = (0, 0);
const FILE: &str = "/etc/environment";
const KNOWN: [(&str, &str); 2] = [("COREOS_PRIVATE_IPV4", "10.1.2.3"), ("COREOS_PUBLIC_IPV4", "203.0.113.9")];
const BOTH: &str = "COREOS_PRIVATE_IPV4=10.1.2.3\nCOREOS_PUBLIC_IPV4=203.0.113.9\n";

pub fn cases(suite: &mut Suite) {
    merging(suite);
    tokens(suite);
}

fn merging(suite: &mut Suite) {
    suite.fresh("known_addresses_go_to_the_end_sorted", |m| {
        m.sh("rm -f /etc/environment");
        let environment = [KNOWN[1], ("COREOS_PUBLIC_IPV6", "2001:db8::1"), KNOWN[0]];
        m.apply_with("hostname: bed", &[], &environment).ok();
        m.is_file(FILE, &format!("{BOTH}COREOS_PUBLIC_IPV6=2001:db8::1\n"), 0o644, ROOT);
        m.untouched(|| m.apply_with("hostname: bed", &[], &environment).ok());
    });

    suite.fresh("lines_are_replaced_in_place_and_everything_else_is_kept", |m| {
        let old: &[u8] = b"# ours \xff\n\nPATH=/bin\nCOREOS_PUBLIC_IPV4=1.1.1.1\nXCOREOS_PUBLIC_IPV4=x\n\
                           COREOS_PUBLIC_IPV6=2001:db8::7\nCOREOS_PUBLIC_IPV4=2.2.2.2\nLAST=no end";
        m.put(FILE, old);
        m.apply_with("hostname: bed", &[], &KNOWN).ok();
        let new: &[u8] = b"# ours \xff\n\nPATH=/bin\nCOREOS_PUBLIC_IPV4=203.0.113.9\nXCOREOS_PUBLIC_IPV4=x\n\
                           COREOS_PUBLIC_IPV6=2001:db8::7\nLAST=no end\nCOREOS_PRIVATE_IPV4=10.1.2.3\n";
        assert_eq!(m.bytes(FILE), new);
        m.untouched(|| m.apply_with("hostname: bed", &[], &KNOWN).ok());
    });

    suite.fresh("without_addresses_it_is_left_alone", |m| {
        m.sh("printf 'COREOS_PUBLIC_IPV4=1.1.1.1\\nA=b' > /etc/environment; chmod 0600 /etc/environment");
        m.untouched(|| m.apply("hostname: bed").ok());
    });

    suite.fresh("whatever_the_user_data_is", |m| {
        for (user_data, code) in [
            ("#cloud-config\n", 0),
            ("#cloud-config\nbroken: [", 1),
            ("#!/bin/sh\n", 0),
            ("# none of ours", 1),
            ("#", 1),
        ] {
            m.sh("rm -f /etc/environment");
            m.apply_with(user_data, &[], &KNOWN).exits(code);
            m.is_file(FILE, BOTH, 0o644, ROOT);
        }
        m.sh("rm /etc/environment; : > /root/empty");
        KNOWN.iter().fold(m.program(&["--from-file=/root/empty"]), |p, (name, value)| p.env(name, value)).run().ok();
        assert_eq!(m.text(FILE), BOTH);
    });

    suite.fresh("a_script_finds_it_there", |m| {
        m.apply_with("#!/bin/sh\ncp /etc/environment /root/seen.new; mv /root/seen.new /root/seen\n", &[], &KNOWN).ok();
        m.sh("for i in $(seq 100); do [ -e /root/seen ] && break; sleep 0.05; done");
        assert!(m.text("/root/seen").ends_with(BOTH));
    });

    suite.fresh("a_part_that_writes_it_has_the_last_word", |m| {
        let config = "write_files: [{path: /etc/environment, content: mine, permissions: '0600'}]";
        m.apply_with(config, &[], &KNOWN).ok();
        m.is_file(FILE, "mine", 0o600, ROOT);
        m.untouched(|| m.apply_with(config, &[], &KNOWN).ok());
    });

    suite.fresh("a_part_that_cannot_write_it_has_not", |m| {
        m.sh("rm -f /etc/environment");
        let failing = "write_files: [{path: /etc/environment, content: mine, owner: nobody-such}]";
        m.apply_with(failing, &[], &KNOWN).fails();
        m.is_file(FILE, BOTH, 0o644, ROOT);
        m.sh("rm /etc/environment");
        m.apply_with("write_files: [{path: /etc/environment, encoding: rot13}]", &[], &KNOWN).fails();
        m.is_file(FILE, BOTH, 0o644, ROOT);
        m.sh("rm /etc/environment");
        m.apply_with(
            "write_files: [{path: /etc/environment}, {path: /srv/x, permissions: u+x}]",
            &["--strict"],
            &KNOWN,
        )
        .fails();
        m.is_file(FILE, BOTH, 0o644, ROOT);
    });

    suite.fresh("an_invalid_address_is_unknown_and_not_shown", |m| {
        m.sh("rm -f /etc/environment");
        let environment = [
            ("COREOS_PUBLIC_IPV4", "sesame"),
            ("COREOS_PRIVATE_IPV4", "2001:db8::2"),
            ("COREOS_PUBLIC_IPV6", "10.0.0.1\nEVIL=1"),
            ("COREOS_PRIVATE_IPV6", "fd00::1"),
        ];
        m.apply_with("write_files: [{path: /srv/token, content: 'a$public_ipv4-b'}]", &[], &environment)
            .ok()
            .says(&["COREOS_PUBLIC_IPV4", "COREOS_PRIVATE_IPV4", "COREOS_PUBLIC_IPV6"])
            .hides(&["sesame", "2001:db8::2", "EVIL", "COREOS_PRIVATE_IPV6 is"]);
        assert_eq!(m.text(FILE), "COREOS_PRIVATE_IPV6=fd00::1\n");
        assert_eq!(m.text("/srv/token"), "a-b");
    });
}

fn tokens(suite: &mut Suite) {
    suite.fresh("tokens_are_replaced_everywhere", |m| {
        let config = r#"
            write_files:
              # a comment with $private_ipv4
              - path: /srv/tokens/$private_ipv4
                content: |
                  one=$public_ipv4 $private_ipv4
                  two=$public_ipv4$private_ipv4
                  escaped=\$public_ipv4 twice=\\$public_ipv4
                  others=${public_ipv4} $public_ip $HOME
                  runs=$public_ipv4x
                  six=$public_ipv6,$private_ipv6
            coreos:
              fleet: {public-ip: $public_ipv4}
              oem: {id: "$private_ipv4"}
            "#;
        let sixes = [("COREOS_PUBLIC_IPV6", "2001:db8::9"), ("COREOS_PRIVATE_IPV6", "fd00::7")];
        m.apply_with(config, &[], &[KNOWN, sixes].concat()).ok().says(&["token-boundary"]);
        let text = "one=203.0.113.9 10.1.2.3\ntwo=203.0.113.910.1.2.3\nescaped=$public_ipv4 twice=\\$public_ipv4\n\
                    others=${public_ipv4} $public_ip $HOME\nruns=203.0.113.9x\nsix=2001:db8::9,fd00::7\n";
        m.is_file("/srv/tokens/10.1.2.3", text, 0o644, ROOT);
        assert!(m.text("/etc/oem-release").starts_with("ID=10.1.2.3\n"));
        assert_eq!(m.property("fleet.service", "Environment"), "FLEET_PUBLIC_IP=203.0.113.9");
    });

    suite.shared("a_token_without_a_value_is_empty_and_reported_with_its_line", |m| {
        m.apply("write_files:\n- path: /srv/unknown-token\n  content: 'a=$public_ipv6;$private_ipv4'\n")
            .ok()
            .says(&["user-data:4:", "unknown-address"]);
        assert_eq!(m.text("/srv/unknown-token"), "a=;");
    });

    suite.fresh("a_script_has_them_too", |m| {
        m.apply_with("#!/bin/sh\necho $private_ipv4 > /root/said.new; mv /root/said.new /root/said\n", &[], &KNOWN)
            .ok();
        m.sh("for i in $(seq 100); do [ -e /root/said ] && break; sleep 0.05; done");
        assert_eq!(m.text("/root/said"), "10.1.2.3\n");
    });
}
