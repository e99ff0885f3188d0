//! `write_files`.

use std::fmt::Write as _;

use super::keys::key;
use crate::testbed::{PROGRAM_INSIDE, Suite};

const ROOT: (u32, u32) = (0, 0);

pub fn cases(suite: &mut Suite) {
    suite.shared("content_is_written_with_the_default_mode_and_owner", |m| {
        m.apply(
            r"
            write_files:
              - path: /etc/files/a
                content: |
                  one
                  two
              - path: /etc/files/deep/er/b
                content: no line end
              - path: /etc/files/nothing
            ",
        )
        .ok();
        m.is_file("/etc/files/a", "one\ntwo\n", 0o644, ROOT);
        m.is_file("/etc/files/deep/er/b", "no line end", 0o644, ROOT);
        m.is_file("/etc/files/nothing", "", 0o644, ROOT);
        for directory in ["/etc/files", "/etc/files/deep", "/etc/files/deep/er"] {
            assert_eq!((m.mode(directory), m.owner(directory)), (0o755, ROOT), "{directory}");
        }
        assert_eq!(m.names("/etc/files"), ["a", "deep", "nothing"]);
    });

    suite.shared("permissions_are_octal_text", |m| {
        let modes = [
            ("0600", 0o600),
            ("'0755'", 0o755),
            ("644", 0o644),
            ("0o640", 0o640),
            ("'4755'", 0o4755),
            ("2755", 0o2755),
            ("1777", 0o1777),
            ("0", 0),
            ("00644", 0o644),
            // A mode that a YAML tool wrote in decimal.
            ("384", 0o600),
            ("493", 0o755),
            ("438", 0o666),
            // Octal as written, and probably not as intended.
            ("420", 0o420),
            ("436", 0o436),
            ("511", 0o511),
        ];
        let mut config = "write_files:\n".to_owned();
        for (number, (text, _)) in modes.iter().enumerate() {
            let _ = writeln!(config, "- {{path: /etc/modes/{number}, permissions: {text}}}");
        }
        let run = m.apply(&config).ok();
        for (number, (text, mode)) in modes.iter().enumerate() {
            let seen = m.mode(&format!("/etc/modes/{number}"));
            assert_eq!(seen, *mode, "permissions: {text}: {seen:04o}, not {mode:04o}");
        }
        // Those that are applied and doubted are named with the other reading.
        run.says(&["384", "493", "438", "420", "0644", "436", "0664", "511", "0777"]);
    });

    suite.shared("a_file_that_would_differ_from_the_request_is_refused", |m| {
        m.sh("mkdir -p /etc/spoiled && echo old > /etc/spoiled/motd && echo old > /etc/spoiled/conf");
        m.apply(
            r#"
            write_files:
              - path: /etc/spoiled/token
                content: hunter2
                perms: "0600"
              - path: /etc/spoiled/conf
                contents: new
              - path: /etc/spoiled/motd
                append: true
                content: one line
              - path: /etc/spoiled/secret
                content: |
                  hunter2
                  permissions: "0600"
              - path: /etc/spoiled/conf
                content: |
                # a comment
              - path: /etc/spoiled/good
                content: good
            users:
              - name: spoiled
                home: /srv/spoiled
            "#,
        )
        .fails()
        .says(&["did you mean `permissions`?", "did you mean `content`?", "unsupported-key", "swallowed-key"])
        .says(&["lost-content", "did you mean `homedir`?"])
        .hides(&["hunter2"]);
        assert_eq!(m.names("/etc/spoiled"), ["conf", "good", "motd"]);
        assert_eq!([m.text("/etc/spoiled/conf"), m.text("/etc/spoiled/motd")], ["old\n", "old\n"]);
        assert!(m.passwd("spoiled").is_some(), "a user is created without what was not understood");
    });

    suite.shared("items_that_lack_a_detached_key_are_skipped", |m| {
        m.sh("mkdir -p /etc/detached && cd /etc/detached && for name in a b c; do echo old > $name; done");
        let user = key("detached");
        m.apply(&format!(
            r#"
            write_files:
              - path: /etc/detached/a
              - content: hunter2
              - path: /etc/detached/good
                content: good
              - path: /etc/detached/b
                content: hunter2
              - permissions: "0600"
              - path: /etc/detached/c
            content: hunter2
            users:
              - name: detached
                ssh_authorized_keys: ['{user}']
            coreos:
              units:
                - name: detached-good.service
                  content: |
                    [Service]
                    ExecStart=/bin/true
                - name: detached.service
                  content: |
                    [Service]
                    ExecStart=/bin/true
            enable: true
            "#,
        ))
        .exits(1)
        .says(&["detached-key", "`content` is outside of the file above", "`permissions` is outside of the file above"])
        .says(&["`enable` is outside of the unit above"])
        .hides(&["hunter2"]);
        assert_eq!(
            m.sh("cd /etc/detached && cat a b c"),
            "old
old
old"
        );
        assert_eq!(m.names("/etc/detached"), ["a", "b", "c", "good"]);
        assert_eq!(m.sh("stat -c %a /etc/detached/b"), "644");
        assert!(m.text("/home/detached/.ssh/authorized_keys").contains(&user));
        m.absent("/etc/systemd/system/detached.service");
        assert!(m.text("/etc/systemd/system/detached-good.service").contains("ExecStart"));
    });

    suite.shared("devices_are_not_replaced", |m| {
        let paths = ["/dev/null", "/dev/zero", "/dev/x", "/proc/x", "/sys/x", "/etc/../dev/null"];
        m.apply("write_files: [{path: /dev/shm/files, content: x}]").ok();
        assert_eq!(m.text("/dev/shm/files"), "x");
        let mut config = "write_files:\n".to_owned();
        for path in paths {
            let _ = writeln!(config, "- {{path: {path}, content: x}}");
        }
        m.apply(&config).fails().says(&["odd-path", "/dev/null is below /dev"]);
        m.sh("test -c /dev/null && test -c /dev/zero && ! test -e /dev/x");
    });

    suite.shared("invalid_permissions_refuse_that_file_alone", |m| {
        let bad = ["rw-r--r--", "0888", "'-1'", "77777", "[7, 5, 5]", "u+x"];
        let mut config = "write_files:\n".to_owned();
        for (number, text) in bad.iter().enumerate() {
            let _ = writeln!(config, "- {{path: /etc/badmodes/{number}, content: x, permissions: {text}}}");
        }
        config.push_str("- {path: /etc/badmodes/good, content: x}\n");
        m.apply(&config).fails().says(&["/etc/badmodes/0", "bad-permissions"]);
        assert_eq!(m.names("/etc/badmodes"), ["good"]);
    });

    suite.shared("owners_as_chown_takes_them", |m| {
        m.sh("useradd --system --gid docker filesowner");
        let uid: u32 = m.sh("id -u filesowner").parse().unwrap();
        let docker: u32 = m.sh("getent group docker | cut -d: -f3").parse().unwrap();
        let owners = [
            ("core", (500, 0)),
            ("core:docker", (500, docker)),
            ("':docker'", (0, docker)),
            ("'filesowner:'", (uid, docker)),
            ("'500:232'", (500, 232)),
            ("'12345:54321'", (12345, 54321)),
            ("500", (500, 0)),
            ("root:core", (0, 500)),
            ("''", ROOT),
        ];
        let mut config = "write_files:\n".to_owned();
        for (number, (owner, _)) in owners.iter().enumerate() {
            let _ = writeln!(config, "- {{path: /etc/owners/{number}, owner: {owner}, permissions: 0640}}");
        }
        m.apply(&config).ok();
        for (number, (owner, ids)) in owners.iter().enumerate() {
            assert_eq!(m.owner(&format!("/etc/owners/{number}")), *ids, "owner: {owner}");
        }
    });

    suite.shared("an_owner_that_is_unknown_fails_that_file_alone", |m| {
        let config = r"
            write_files:
              - {path: /etc/unowned/a, owner: nobodyatall}
              - {path: /etc/unowned/b, owner: 'root:nogroupatall'}
              - {path: /etc/unowned/c}
            ";
        m.apply(config).fails().says(&["/etc/unowned/a", "nobodyatall", "/etc/unowned/b", "nogroupatall"]);
        assert_eq!(m.names("/etc/unowned"), ["c"]);
    });

    suite.shared("every_encoding_is_decoded", |m| {
        // "hello\n" as base64 and as gzip in base64.
        let plain = "aGVsbG8K";
        let gzip = "H4sIAAAAAAAAA8tIzcnJ5wIAIDA6NgYAAAA=";
        let mut config = "write_files:\n".to_owned();
        for encoding in ["b64", "base64"] {
            let _ = writeln!(config, "- {{path: /etc/enc/{encoding}, encoding: {encoding}, content: {plain}}}");
        }
        for encoding in ["gz+b64", "gz+base64", "gzip+b64", "gzip+base64"] {
            let _ = writeln!(config, "- {{path: /etc/enc/{encoding}, encoding: {encoding}, content: '{gzip}'}}");
        }
        for encoding in ["gz", "gzip"] {
            let _ =
                writeln!(config, "- {{path: /etc/enc/{encoding}, encoding: {encoding}, content: !!binary '{gzip}'}}");
        }
        config.push_str("- path: /etc/enc/folded\n  encoding: b64\n  content: |\n    aGVs\n    bG8K\n");
        config.push_str("- {path: /etc/enc/bytes, content: !!binary 'AAH+/w=='}\n");
        m.apply(&config).ok();
        for name in m.names("/etc/enc").iter().filter(|name| *name != "bytes") {
            assert_eq!(m.text(&format!("/etc/enc/{name}")), "hello\n", "{name}");
        }
        assert_eq!(m.bytes("/etc/enc/bytes"), [0, 1, 0xfe, 0xff]);
        assert_eq!(m.names("/etc/enc").len(), 10);
    });

    suite.shared("content_that_does_not_decode_is_refused_alone", |m| {
        let config = r"
            write_files:
              - {path: /etc/undecoded/word, encoding: rot13, content: uryyb}
              - {path: /etc/undecoded/base64, encoding: b64, content: 'not base64!'}
              - {path: /etc/undecoded/gzip, encoding: gz+b64, content: aGVsbG8K}
              - {path: /etc/undecoded/cut, encoding: gz+b64, content: H4sIAAAAAAAAA8tIzcnJ5wIA}
              - {path: /etc/undecoded/good, encoding: b64, content: aGVsbG8K}
            ";
        m.apply(config)
            .fails()
            .says(&["/etc/undecoded/word", "/etc/undecoded/base64", "/etc/undecoded/cut"])
            .hides(&["not base64!"]);
        assert_eq!(m.names("/etc/undecoded"), ["good"]);
    });

    suite.shared("a_path_never_leaves_the_root", |m| {
        let config = r"
            write_files:
              - {path: etc/relative/a, content: a}
              - {path: /etc/relative/../../../../etc/relative/b, content: b}
              - {path: '/etc//relative/./c', content: c}
              - {path: '/etc/relative/with a space é', content: d}
            ";
        m.apply(config).ok().says(&["etc/relative/a"]);
        assert_eq!(m.names("/etc/relative"), ["a", "b", "c", "with a space é"]);
    });

    suite.shared("an_invalid_path_is_skipped_alone", |m| {
        let config = r"
            write_files:
              - {path: /etc, content: x}
              - {path: /, content: x}
              - {path: /etc/hostname/x, content: x}
              - {content: x}
              - {path: /etc/impossible/good, content: x}
            ";
        m.apply(config).fails().says(&["/etc/hostname/x"]);
        assert_eq!(m.names("/etc/impossible"), ["good"]);
        assert_eq!(m.text("/etc/hostname"), "bed\n");
    });

    suite.shared("a_link_is_replaced_and_its_target_is_not", |m| {
        m.sh("mkdir /etc/links; echo kept > /etc/links/target; ln -s target /etc/links/a; ln -s nowhere /etc/links/b");
        m.apply("write_files: [{path: /etc/links/a, content: new}, {path: /etc/links/b, content: new}]").ok();
        m.is_file("/etc/links/a", "new", 0o644, ROOT);
        m.is_file("/etc/links/b", "new", 0o644, ROOT);
        assert_eq!(m.text("/etc/links/target"), "kept\n");
        assert_eq!(m.names("/etc/links"), ["a", "b", "target"]);
    });

    suite.shared("a_directory_that_is_a_link_of_root_is_followed_within_the_machine", |m| {
        m.sh("mkdir -p /srv/realplace /etc/viaroot; ln -s /srv/realplace /etc/viaroot/link");
        m.apply("write_files: [{path: /etc/viaroot/link/x, content: x}]").ok();
        assert_eq!(m.text("/srv/realplace/x"), "x");
        assert_eq!(m.link("/etc/viaroot/link").as_deref(), Some("/srv/realplace"));
    });

    suite.shared("a_link_that_a_user_could_have_made_is_not_followed", |m| {
        m.sh("mkdir /home/core/byuser; ln -s /etc/viauser /home/core/byuser/link; mkdir /etc/viauser; \
              chown -h core:core /home/core/byuser /home/core/byuser/link");
        m.apply("write_files: [{path: /home/core/byuser/link/x, content: x}, {path: /etc/viauser/good, content: x}]")
            .fails()
            .says(&["/home/core/byuser/link"]);
        assert_eq!(m.names("/etc/viauser"), ["good"]);
    });

    suite.shared("of_one_path_the_last_wins", |m| {
        let config = r"
            write_files:
              - {path: /etc/twice, content: first, permissions: 0600}
              - {path: /etc/./twice, content: last}
            ";
        m.apply(config).ok().says(&["/etc/twice"]);
        m.is_file("/etc/twice", "last", 0o644, ROOT);
    });

    suite.shared("only_differing_files_are_corrected", |m| {
        let config = r"
            write_files:
              - {path: /etc/mended/mode, content: x, permissions: 0600}
              - {path: /etc/mended/owner, content: x, owner: core}
              - {path: /etc/mended/text, content: x}
              - {path: /etc/mended/gone, content: x}
              - {path: /etc/mended/same, content: x}
            ";
        m.apply(config).ok();
        let same = m.stat("/etc/mended/same").unwrap().st_ino;
        m.sh("cd /etc/mended; chmod 666 mode; chown root owner; echo y > text; rm gone");
        m.apply(config).ok();
        m.is_file("/etc/mended/mode", "x", 0o600, ROOT);
        m.is_file("/etc/mended/owner", "x", 0o644, (500, 0));
        m.is_file("/etc/mended/text", "x", 0o644, ROOT);
        m.is_file("/etc/mended/gone", "x", 0o644, ROOT);
        assert_eq!(m.stat("/etc/mended/same").unwrap().st_ino, same);
    });

    suite.fresh("a_second_run_writes_nothing", |m| {
        let config = r"
            write_files:
              - {path: /etc/again/a, content: x, permissions: 4711, owner: core:docker}
              - {path: /home/core/again, content: x, owner: core}
              - {path: /opt/bin/again, content: '#!/bin/sh', permissions: 0755}
            ";
        m.apply(config).ok();
        assert_eq!(m.text("/home/core/again"), "x");
        m.untouched(|| m.apply(config).ok());
    });

    suite.shared("only_temporary_files_of_an_interrupted_run_are_removed", |m| {
        let config = "write_files: [{path: /etc/left/a, content: whole}, {path: /etc/left/b, owner: core, content: b}]";
        let kept = [".a.cci", ".b.other", ".motd.cci", ".linked.cci-0123456789abcdef", ".other.cci-0123456789abcdef"];
        for round in ["new files", "files as they should be"] {
            m.sh("mkdir -p /etc/left; cd /etc/left; rm -f second; echo mine | tee .a.cci .motd.cci .b.other > .linked.cci-0123456789abcdef; \
                  ln .linked.cci-0123456789abcdef second; echo x > .other.cci-0123456789abcdef; chown etcd .other.cci-0123456789abcdef; \
                  echo half | tee .a.cci-0123456789abcdef .gone.cci-fedcba9876543210 > .b.cci-0123456789abcdef; \
                  chown core .b.cci-0123456789abcdef; ln -sf /dev/null .link.cci-0123456789abcdef");
            m.apply(config).ok();
            let names = m.names("/etc/left");
            assert!(kept.iter().all(|name| names.contains(&(*name).to_owned())), "{round}: {names:?}");
            assert_eq!(names.len(), kept.len() + 4, "{round}: {names:?}");
        }
    });

    suite.shared("a_directory_with_many_names_takes_little_memory_and_time", |m| {
        m.sh("mkdir /srv/crowded; cd /srv/crowded; seq -f a-long-name-that-takes-some-memory-%.0f 1 100000 | xargs touch");
        m.put("/root/crowded", "#cloud-config\nwrite_files: [{path: /srv/crowded/.x, content: x}]\n");
        for _ in 0..2 {
            let run = m.run(&["prlimit", "--data=60000000", PROGRAM_INSIDE, "--from-file=/root/crowded"]).ok();
            assert!(run.took < std::time::Duration::from_secs(3), "{:?}", run.took);
        }
        m.sh("rm -r /srv/crowded");
    });

    suite.shared("a_file_that_cannot_be_written_leaves_nothing_behind", |m| {
        // One file system is full while others are not.
        m.sh("mkdir /srv/full; mount -t tmpfs -o size=64k tmpfs /srv/full");
        let large = "x".repeat(200_000);
        let config = format!(
            "write_files: [{{path: /srv/full/large, content: {large}}}, {{path: /srv/full/small, content: s}}, \
             {{path: /srv/beside, content: s}}]"
        );
        m.apply(&config).fails().says(&["/srv/full/large"]);
        assert_eq!(m.names("/srv/full"), ["small"]);
        assert_eq!(m.text("/srv/beside"), "s");
        m.sh("umount /srv/full");
    });

    suite.shared("more_files_than_descriptors_are_written", |m| {
        let mut config = "#cloud-config\nwrite_files:\n".to_owned();
        for number in 0..1200 {
            let _ = writeln!(config, "- {{path: /etc/many/{number}, content: '{number}'}}");
        }
        m.put("/root/many", config);
        m.run(&["prlimit", "--nofile=256:256", PROGRAM_INSIDE, "--from-file=/root/many"]).ok();
        assert_eq!(m.names("/etc/many").len(), 1200);
        assert_eq!(m.text("/etc/many/1199"), "1199");
    });

    suite.shared("no_user_sees_a_file_before_it_is_whole_and_owned", |m| {
        // A watcher that would see a wrong mode, owner or size under the file's name.
        m.sh("mkdir /etc/watched");
        let watch =
            "while [ ! -e /etc/watched/end ]; do stat -c '%a %U %s' /etc/watched/secret 2>/dev/null; done | sort -u";
        let watcher = m.start(&["sh", "-c", watch]);
        let text = "s".repeat(3_000_000);
        m.apply(&format!(
            "write_files: [{{path: /etc/watched/secret, owner: core, permissions: 0600, content: {text}}}]"
        ))
        .ok();
        m.put("/etc/watched/end", "");
        let seen = watcher.finish(std::time::Duration::from_secs(30)).stdout;
        assert!(seen.lines().all(|line| line == "600 core 3000000"), "{seen}");
        assert_eq!(m.bytes("/etc/watched/secret").len(), 3_000_000);
    });
}
