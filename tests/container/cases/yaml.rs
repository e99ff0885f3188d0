//! YAML as the users of the reference know it.

use crate::testbed::{Machine, Suite};

/// Returns the file that `content: TEXT` produces.
#[track_caller]
fn content(m: &Machine, text: &str) -> String {
    m.apply(&format!("write_files:\n- path: /etc/yaml\n  content: {text}\n")).ok();
    m.text("/etc/yaml")
}

pub fn cases(suite: &mut Suite) {
    suite.shared("a_scalar_is_the_text_that_was_written", |m| {
        for text in ["0644", "1.10", "off", "on", "yes", "0x1F", "1_000", "1e3", "2020-01-01", "True", "12:30:45"] {
            assert_eq!(content(m, text), text);
        }
        for text in ["~", "null", "", "''", "NULL"] {
            assert_eq!(content(m, text), "", "{text}");
        }
        assert_eq!(content(m, "\"a\\tb\\x41\\u00e9\""), "a\tbAé");
        assert_eq!(content(m, "'it''s'"), "it's");
        assert_eq!(content(m, "one\n    two\n\n    three"), "one two\nthree");
    });

    suite.shared("block_scalars_keep_their_line_ends", |m| {
        for (style, text) in [("|", "a\n b\n"), ("|-", "a\n b"), ("|+", "a\n b\n\n\n"), (">", "a\n b\n")] {
            assert_eq!(content(m, &format!("{style}\n    a\n     b\n\n")), text, "{style}");
        }
        // No line end at the end of the file.
        m.put("/tmp/yaml", "#cloud-config\nwrite_files:\n- path: /etc/yaml\n  content: |\n    last");
        m.program(&["--from-file=/tmp/yaml"]).run().ok();
        assert!(m.text("/etc/yaml").starts_with("last"));
    });

    suite.shared("keys_are_spelt_with_either_and_mixed", |m| {
        let config = r"
            write-files: [{path: /etc/spelt, content: a}]
            coreos:
              units:
                - name: spelt.service
                  drop-ins: [{name: a.conf, content: a}]
            users:
              - {name: spelt, no-create-home: true, primary-group: docker}
            ";
        m.apply(config).ok();
        assert!(m.exists("/etc/spelt") && m.exists("/etc/systemd/system/spelt.service.d/a.conf"));
        m.absent("/home/spelt");
    });

    suite.shared("booleans_of_yaml_1_1_are_read", |m| {
        let words = [
            ("true", true),
            ("Yes", true),
            ("ON", true),
            ("y", true),
            ("false", false),
            ("no", false),
            ("Off", false),
            ("N", false),
        ];
        for (word, truth) in words {
            for text in [word.to_owned(), format!("'{word}'")] {
                m.apply(&format!("coreos: {{units: [{{name: truth.service, runtime: {text}, content: x}}]}}")).ok();
                assert_eq!(m.exists("/run/systemd/system/truth.service"), truth, "{text}");
                m.sh("rm -f /run/systemd/system/truth.service /etc/systemd/system/truth.service");
            }
        }
        m.apply("coreos: {units: [{name: truth.service, runtime: 'yes', content: x}]}").ok().says(&["quoted-boolean"]);
        m.sh("rm -f /run/systemd/system/truth.service");
    });

    suite.shared("anchors_aliases_and_merge_keys_are_resolved", |m| {
        let config = r"
            x-defaults: &defaults {owner: core, permissions: '0600', content: default}
            write_files:
              - {<<: *defaults, path: /etc/merge/a}
              - {path: /etc/merge/b, content: own, <<: *defaults}
              - path: /etc/merge/c
                content: &text |
                  shared
              - {path: /etc/merge/d, content: *text}
              - {<<: [{content: first, path: /etc/merge/e}, *defaults]}
            ";
        m.apply(config).ok();
        m.is_file("/etc/merge/a", "default", 0o600, (500, 0));
        m.is_file("/etc/merge/b", "own", 0o600, (500, 0));
        assert_eq!(m.text("/etc/merge/d"), "shared\n");
        m.is_file("/etc/merge/e", "first", 0o600, (500, 0));
    });

    suite.shared("an_empty_value_is_an_empty_list_or_section", |m| {
        m.apply("users:\nwrite_files:\ncoreos:\nssh_authorized_keys: ~\nmanage_etc_hosts:\n").ok();
        m.apply("coreos:\n  units:\n  update:\n  etcd2:\n  oem: ~\n  fleet: {}\nwrite_files: [{path: /etc/filled}]\n")
            .ok();
        assert!(m.exists("/etc/filled"));
    });

    suite.shared("unknown_keys_are_warned_of_and_ignored", |m| {
        m.apply("Role: x\nruncmd: [a]\nwrite_files: [{path: /etc/unknown, defer: true}]\ncoreos: {unit: []}")
            .ok()
            .says(&["Role", "runcmd", "defer", "unit", "unknown-key"]);
        assert!(m.exists("/etc/unknown"));
    });

    suite.shared("of_a_key_given_twice_the_last_wins", |m| {
        m.apply("write_files: [{path: /etc/doubled1}]\nwrite-files: [{path: /etc/doubled2, content: a, content: b}]")
            .ok()
            .says(&["duplicate-key"]);
        m.absent("/etc/doubled1");
        assert_eq!(m.text("/etc/doubled2"), "b");
    });

    suite.shared("a_text_where_a_list_is_wanted_is_a_list_of_one", |m| {
        m.apply("users: [{name: listed, groups: docker}]\nwrite_files: {path: /etc/listed}\n");
        assert_eq!(m.sh("id -Gn listed | tr ' ' '\n' | sort | xargs"), "docker listed");
    });

    suite.shared("a_wrong_type_costs_its_field_and_all_are_reported_at_once", |m| {
        let config = r"
            hostname: [a]
            users: [{name: typed, gecos: {a: b}, ssh_authorized_keys: {a: b}}]
            write_files:
              - {path: /etc/typed/a, content: [x]}
              - {path: /etc/typed/b, content: x, permissions: {a: b}}
              - {path: /etc/typed/c, content: x}
              - text
            coreos: {update: {reboot_strategy: [a], group: beta}, units: {}}
            ";
        let run = m.apply(config).fails();
        let count = run.said().matches("wrong-type").count();
        assert!(count >= 7, "{count} errors are reported");
        assert_eq!(m.names("/etc/typed"), ["c"]);
        assert!(m.passwd("typed").is_some());
        assert!(m.text("/etc/coreos/update.conf").contains("GROUP=beta"));
        m.sh("rm -r /etc/coreos; systemctl stop update-engine");
    });

    suite.shared("a_finding_names_line_and_column", |m| {
        m.apply("#cloud-config\n\nwrite_files:\n  - path: /etc/placed\n    permissions: rwx\n")
            .fails()
            .says(&[":5:18:"]);
    });

    suite.shared("comments_flow_style_and_odd_spacing_are_read", |m| {
        let config = "#cloud-config\n# one\nwrite_files:   # two\n-   path:    /etc/odd  # three\n    content:  'a # b'\n-   {path: /etc/odd2,\n      content: \"c\n  d\"}\n";
        m.apply(config).ok();
        assert_eq!(m.text("/etc/odd"), "a # b");
        assert_eq!(m.text("/etc/odd2"), "c d");
    });
}
