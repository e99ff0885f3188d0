//! Address tokens, and `/etc/environment`.

use crate::testbed::Suite;

const KNOWN: [(&str, &str); 4] = [
    ("COREOS_PUBLIC_IPV4", "203.0.113.9"),
    ("COREOS_PRIVATE_IPV4", "10.9.8.7"),
    ("COREOS_PUBLIC_IPV6", "2001:db8::9"),
    ("COREOS_PRIVATE_IPV6", "fd00::7"),
];
const ENVIRONMENT: &str = "/etc/environment";

pub fn cases(suite: &mut Suite) {
    suite.fresh("tokens_are_replaced_everywhere", |m| {
        let config = r"
            hostname: host-$private_ipv4
            write_files:
              - path: /etc/$public_ipv4
                content: |
                  $public_ipv4 $private_ipv4 $public_ipv6 $private_ipv6
                  ${public_ipv4} $other \$public_ipv4 \\$public_ipv4
                  $public_ipv4$private_ipv4 x$public_ipv4:80
                  $public_ipv4x
            ";
        m.apply_with(config, &[], &KNOWN).ok().says(&["token-boundary"]);
        let text = "203.0.113.9 10.9.8.7 2001:db8::9 fd00::7\n${public_ipv4} $other $public_ipv4 \\$public_ipv4\n\
                    203.0.113.910.9.8.7 x203.0.113.9:80\n203.0.113.9x\n";
        m.is_file("/etc/203.0.113.9", text, 0o644, (0, 0));
        assert_eq!(m.sh("hostname"), "host-10.9.8.7");
    });

    suite.fresh("a_token_without_a_value_is_empty_and_warned_of_with_its_line", |m| {
        let run = m.apply("#cloud-config\nwrite_files:\n- path: /etc/x\n  content: 'a${x}$private_ipv4 b'\n");
        run.ok().says(&["unknown-address", ":4:"]);
        assert_eq!(m.text("/etc/x"), "a${x} b");
        assert_eq!(m.text(ENVIRONMENT), "");
    });

    suite.fresh("a_value_that_is_no_address_is_unknown_and_not_shown", |m| {
        let bad = [("COREOS_PUBLIC_IPV4", "<html>oops</html>"), ("COREOS_PRIVATE_IPV6", "10.0.0.1")];
        let run = m.apply_with("write_files: [{path: /etc/x, content: 'a$public_ipv4$private_ipv6'}]", &[], &bad);
        run.ok().says(&["COREOS_PUBLIC_IPV4"]).hides(&["oops"]);
        assert_eq!(m.text("/etc/x"), "a");
        assert_eq!(m.text(ENVIRONMENT), "");
    });

    suite.fresh("known_values_are_merged_into_the_environment", |m| {
        let before = "# ours\nPATH=/bin\nCOREOS_PUBLIC_IPV4=1.1.1.1\n\nOTHER=x\nCOREOS_PUBLIC_IPV4=2.2.2.2\nLAST=y";
        m.put(ENVIRONMENT, before);
        m.apply_with("hostname: bed", &[], &KNOWN).ok();
        let after = "# ours\nPATH=/bin\nCOREOS_PUBLIC_IPV4=203.0.113.9\n\nOTHER=x\nLAST=y\n\
                     COREOS_PRIVATE_IPV4=10.9.8.7\nCOREOS_PRIVATE_IPV6=fd00::7\nCOREOS_PUBLIC_IPV6=2001:db8::9\n";
        m.is_file(ENVIRONMENT, after, 0o644, (0, 0));
        m.untouched(|| m.apply_with("hostname: bed", &[], &KNOWN).ok());
    });

    suite.fresh("the_environment_is_merged_whatever_the_user_data_is", |m| {
        m.put("/tmp/bad", "no user-data at all\n");
        m.program(&["--from-file=/tmp/bad"]).env(KNOWN[1].0, KNOWN[1].1).run().fails();
        m.is_file(ENVIRONMENT, "COREOS_PRIVATE_IPV4=10.9.8.7\n", 0o644, (0, 0));
    });

    suite.fresh("a_part_that_writes_the_environment_has_the_last_word", |m| {
        let config =
            "write_files: [{path: /etc/environment, content: 'COREOS_PRIVATE_IPV4=1.2.3.4', permissions: 0600}]";
        m.apply_with(config, &[], &KNOWN[1..2]).ok();
        assert!(m.text(ENVIRONMENT).contains("COREOS_PRIVATE_IPV4=1.2.3.4"), "{}", m.text(ENVIRONMENT));
        m.untouched(|| m.apply_with(config, &[], &KNOWN[1..2]).ok());
    });
}
