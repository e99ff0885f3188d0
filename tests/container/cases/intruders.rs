//! Intruders stay out: special names, links that are swapped meanwhile, mounts.

use std::time::Duration;

use serde_json::json;

use super::keys::key;
use crate::testbed::{Machine, Suite};

/// Names that some program could take for flags, paths, lines, fields, commands or colors.
fn odd() -> Vec<String> {
    let names = [
        "-x",
        "--root=/tmp/evil",
        "../x",
        "a/b",
        "a\nevil::0:0::/:/bin/sh",
        "a\0b",
        "a:b",
        "\u{1b}[31mred",
        "\u{1b}]0;title\u{7}",
        ".",
        "..",
        "",
        "a b",
        "a%n",
        "@",
        "a\u{202e}b",
        "a\u{61c}b",
        "a\u{2067}b",
        "a\u{e0041}b",
        "ünï",
        "$(touch /tmp/evil)",
        "`touch /tmp/evil`",
        "a;touch /tmp/evil",
        "a,b",
        "%s%s%n",
        "\u{9b}31m",
    ];
    let mut names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    names.extend([300, 5000].map(|length| "x".repeat(length)));
    names
}

/// A configuration in which such names stand wherever a name can.
fn everywhere() -> String {
    let names = odd();
    let (mut users, mut files, mut units) = (Vec::new(), Vec::new(), Vec::new());
    let text = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
    for (number, name) in names.iter().enumerate() {
        users.push(json!({"name": name, "ssh_authorized_keys": [key("odd")]}));
        users.push(json!({"name": format!("p{number}"), "primary_group": name}));
        users.push(json!({"name": format!("g{number}"), "groups": [name]}));
        users.push(json!({"name": format!("s{number}"), "shell": name}));
        users.push(json!({"name": format!("h{number}"), "homedir": name}));
        users.push(json!({"name": format!("c{number}"), "gecos": name}));
        files.push(json!({"path": format!("/srv/odd/{name}"), "content": "x"}));
        files.push(json!({"path": format!("/srv/owners/{number}"), "owner": name, "content": "x"}));
        files.push(json!({"path": format!("/srv/modes/{number}"), "permissions": name, "content": "x"}));
        for unit in [name.clone(), format!("{name}.service")] {
            units.push(json!({"name": unit, "enable": true, "command": "start", "content": text}));
        }
        let drop_in = json!({"name": format!("{name}.conf"), "content": "[Unit]\n"});
        units.push(
            json!({"name": format!("d{number}.service"), "drop_ins": [drop_in, {"name": name, "content": "[Unit]\n"}]}),
        );
    }
    let coreos = json!({
        "units": units,
        "update": {"group": "a\nSERVER=evil", "server": "\u{1b}[31m"},
        "oem": {"id": "a\nNAME=evil", "name": "\u{1b}]0;title\u{7}", "home-url": "$(touch /tmp/evil)\"`"},
    });
    let config = json!({"hostname": "-x\u{1b}[31m", "users": users, "write_files": files, "coreos": coreos});
    // YAML wants them escaped.
    let escaped = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) };
    format!("#cloud-config\n{}\n", config.to_string().chars().map(escaped).collect::<String>())
}

/// Makes `mary`, the owner of the parent directory, swap a directory and a link to a directory of root's as fast as
/// possible, until `/tmp/over` exists.
fn swapper(directory: &str, link: &str) -> String {
    // renameat2 with RENAME_EXCHANGE: both are always there.
    format!(
        "perl -e 'my ($x, $y) = (\"{directory}\", \"{link}\");
         while (!-e \"/tmp/over\") {{ for (1..200) {{ syscall(316, -100, $x, -100, $y, 2) == 0 or die $! }} }}'"
    )
}

/// Returns the files of root, with owners, modes and change times.
fn state(m: &Machine) -> String {
    m.sh("find /srv/root /etc/passwd /etc/shadow /root -printf '%p %u %g %m %s %C@\\n' | sort")
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("a_default_acl_of_a_directory_does_not_let_its_owner_in", |m| {
        m.sh("useradd --create-home mary; install -d -o mary /home/mary/svc; echo old > /home/mary/svc/old");
        // The attribute that `setfacl -d -m u:mary:rwx` writes.
        let list = r#"pack("L", 2) . join("", map { pack("SSL", @$_) } [1, 7, -1], [2, 7, $ARGV[0]], [4, 5, -1], [16, 7, -1], [32, 5, -1])"#;
        m.put("/tmp/wish", format!("my $l = {list}; my $n = 'system.posix_acl_default'; my $p = $ARGV[1];\nexit(syscall(188, $p, $n, $l, length($l), 0) == 0 ? 0 : 1);\n"));
        m.sh("runuser -u mary -- perl /tmp/wish $(id -u mary) /home/mary/svc");
        m.sh("touch /home/mary/svc/tried; ls -l /home/mary/svc/tried | grep -q '+ '");
        let config = "write_files:\n\
            - {path: /home/mary/svc/new, content: hidden, permissions: '0640'}\n\
            - {path: /home/mary/svc/old, content: hidden, permissions: '0660', owner: 'root:shadow'}\n";
        m.apply(config).ok();
        for name in ["new", "old"] {
            m.run(&["runuser", "-u", "mary", "--", "cat", &format!("/home/mary/svc/{name}")]).fails();
            assert!(!m.sh(&format!("ls -l /home/mary/svc/{name}")).contains('+'), "{name}");
        }
        m.untouched(|| m.apply(config).ok());
    });

    suite.fresh("a_lease_holds_nothing_off", |m| {
        m.sh("useradd --create-home mary");
        let config = |word: &str| {
            format!(
                "write_files: [{{path: /srv/hers, content: {word}, owner: mary}}]\n\
                 users: [{{name: mary, ssh_authorized_keys: ['{}']}}]",
                key(word)
            )
        };
        m.apply(&config("one")).ok();
        m.put(
            "/tmp/lease",
            "$SIG{IO} = 'IGNORE'; for (@ARGV) { open(my $f, '+<', $_) or die; fcntl($f, 1024, 1) or die \"$!\"; push @k, $f }\n\
             open(my $r, '>', '/tmp/leased'); sleep 60;\n",
        );
        m.sh("cd /home/mary/.ssh; runuser -u mary -- perl /tmp/lease /srv/hers authorized_keys authorized_keys.d/coreos-cloudinit > /dev/null 2>&1 &\n\
              for i in $(seq 100); do [ -e /tmp/leased ] && exit; sleep 0.1; done; exit 1");
        m.apply(&config("two")).ok();
        assert_eq!(m.text("/srv/hers"), "two");
        let keys = m.text("/home/mary/.ssh/authorized_keys");
        assert!(keys.contains(&key("two")) && !keys.contains(&key("one")), "{keys}");
    });

    suite.fresh("odd_names_are_nothing_but_names", |m| {
        m.sh("useradd --create-home mary; passwd --delete root; stat -c %A%U / /home > /tmp/before");
        let root = m.sh("grep ^root: /etc/passwd /etc/shadow /etc/group");
        m.put("/tmp/odd", everywhere());
        let run = m.program(&["--from-file=/tmp/odd", "-v"]).limit(300).run().fails();
        let said = run.said();
        let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e0fff}');
        let bad = said.chars().find(|&c| (c.is_control() && c != '\n') || turns(c));
        assert_eq!(bad, None, "a terminal would act on it");
        m.absent("/tmp/evil");
        // A comment may be anything: no tool takes it for a flag.
        assert_eq!(m.sh("getent passwd c1 | cut -d: -f5"), "--root=/tmp/evil");
        assert_eq!(m.sh("grep ^root: /etc/passwd /etc/shadow /etc/group"), root);
        assert_eq!(m.sh("stat -c %A%U / /home"), m.text("/tmp/before").trim_end());
        for (file, fields) in [("passwd", 7), ("shadow", 9), ("group", 4)] {
            let text = m.text(&format!("/etc/{file}"));
            assert!(text.lines().all(|line| line.split(':').count() == fields), "{text}");
            assert!(!text.lines().any(|line| line.starts_with("evil") || line.starts_with('.')), "{text}");
        }
        assert_eq!(m.sh("awk -F: '$3 == 0' /etc/passwd | wc -l"), "1");
        assert_eq!(m.sh("grep -rs evil /etc/coreos /etc/os-release /etc/oem-release || true"), "");
        // Beside the names, nothing: no `..` leads out, no `/` leads down.
        assert_eq!(m.sh("ls -A /srv | sort | tr '\\n' ' '"), "modes odd owners x");
        assert_eq!(m.sh("ls -A /srv/odd/a"), "b");
        assert_eq!(m.sh("find /etc/systemd/system -newer /tmp/odd -name x -o -newer /tmp/odd -name b"), "");
        // The later status is the same.
        let listed = m.program(&["--status"]).run().said();
        assert!(!listed.chars().any(|c| c.is_control() && c != '\n'), "{listed}");
    });

    suite.fresh("a_user_who_swaps_directories_and_links_gains_nothing", |m| {
        m.sh("useradd --create-home mary; mkdir -p /srv/root/.ssh /srv/root/authorized_keys.d; chmod -R go+rX /srv/root");
        m.sh("install -d -o mary -g mary /srv/shared /srv/shared/down /home/mary/down /home/mary/.ssh; ln -s /srv/root /srv/shared/link; ln -s /srv/root /home/mary/link; ln -s /srv/root/.ssh /home/mary/ssh-link; chown -h mary:mary /srv/shared/link /home/mary/*link; \
              install -o mary -g mary -m 600 /dev/null /home/mary/.authorized_keys.d.lock");
        // A directory of root in her home, which she may rename, and a file of root beside it.
        m.sh("install -d -m 700 /home/mary/rootdir; echo secret > /home/mary/rootdir/authorized_keys; \
              echo secret > /home/mary/rootfile; chmod 600 /home/mary/rootfile /home/mary/rootdir/authorized_keys");
        let kept = "find /home/mary -user root -printf '%i %u %g %m %s %T@\n' | sort";
        let (before, kept_before) = (state(m), m.sh(kept));
        let swaps = [
            ("/home/mary/.ssh", "/home/mary/rootdir"),
            ("/home/mary/.authorized_keys.d.lock", "/home/mary/rootfile"),
            ("/home/mary/down", "/home/mary/link"),
            ("/srv/shared/down", "/srv/shared/link"),
            ("/home/mary/.ssh", "/home/mary/ssh-link"),
        ];
        let swappers = swaps.map(|(directory, link)| {
            let line = swapper(directory, link);
            m.start(&["setpriv", "--reuid=mary", "--regid=mary", "--clear-groups", "sh", "-c", &line])
        });
        let (mut written, mut closed) = (0, 0);
        for round in 0..60 {
            // Another text each time, so that there is always something to write.
            let config = format!(
                "#cloud-config\nusers: [{{name: mary, ssh_authorized_keys: ['{}']}}]\nwrite_files:\n\
                 - {{path: /home/mary/down/file, owner: mary, content: {round}}}\n\
                 - {{path: /home/mary/down/deep/file, content: {round}}}\n\
                 - {{path: /srv/shared/down/file, permissions: '4755', content: {round}}}\n",
                key(&format!("mary{round}"))
            );
            m.put("/tmp/race", &config);
            let run = m.program(&["--from-file=/tmp/race"]).run();
            assert!(run.code <= 1 && !run.timed_out && run.took < Duration::from_secs(30), "{run}");
            written += run.said().matches("done: write").count();
            closed += run.said().matches("cannot enter it").count();
        }
        m.put("/tmp/over", "");
        for swapper in swappers {
            // From its start, all runs included.
            swapper.finish(Duration::from_secs(180)).ok();
        }
        assert_eq!(state(m), before, "what is root's was changed");
        let kept_after = m.sh(kept);
        assert!(kept_before.lines().all(|line| kept_after.contains(line)), "{kept_before}\n{kept_after}");
        assert!(written > 0, "nothing was ever written: there was no race");
        assert!(closed > 0, "the directory of root was never in the place of .ssh");
    });

    suite.fresh("a_mount_in_the_place_of_a_file_stays", |m| {
        m.sh("mkdir -p /srv/mounts; echo theirs > /tmp/theirs; touch /srv/mounts/file; mount --bind /tmp/theirs /srv/mounts/file");
        let config = "write_files:\n- {path: /srv/mounts/file, content: ours}\n- {path: /srv/mounts/other, content: ours}\n";
        let run = m.apply(config).fails().says(&["/srv/mounts/file"]);
        assert_eq!((m.text("/tmp/theirs"), m.text("/srv/mounts/other")), ("theirs\n".into(), "ours".into()), "{run}");
        assert_eq!(m.sh("ls -A /srv/mounts | tr '\\n' ' '"), "file other");
        m.sh("umount /srv/mounts/file");
    });
}
