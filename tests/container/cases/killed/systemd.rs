//! Runs that are killed during their calls to systemd: the next run makes the missing calls.

use std::time::Instant;

use crate::testbed::key::key;
use crate::testbed::trace::Act;
use crate::testbed::{Machine, Suite};

/// The number of runs that are killed, at moments that are spread over the whole run.
const KILLS: usize = 25;

/// A run with changes of its own: a unit that a running unit wants, and every other time a drop-in of the running unit.
fn config(number: usize) -> String {
    let drop_in = format!("drop_ins: [{{name: a.conf, content: \"[Service]\\nEnvironment=NUMBER={number}\\n\"}}]");
    let drop_in = if number.is_multiple_of(2) { &drop_in } else { "" };
    format!(
        r#"#cloud-config
hostname: killed{number}
ssh_authorized_keys: ['{key}']
write_files: [{{path: /srv/killed{number}, content: '{number}', permissions: 0600}}]
coreos:
  units:
  - name: wanted{number}.service
    enable: true
    content: "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=base{number}.service\n"
  - name: base{number}.service
    command: restart
    {drop_in}
  - {{name: masked{number}.service, mask: true}}
  - {{name: 10-killed{number}.network, content: "[Match]\nName=nothing{number}\n"}}
"#,
        key = key(&format!("killed{number}"))
    )
}

/// Checks that all of it came true, and nothing else is there.
#[track_caller]
fn came_true(m: &Machine, number: usize, when: &str) {
    m.is_file(&format!("/srv/killed{number}"), &number.to_string(), 0o600, (0, 0));
    assert_eq!(m.text("/etc/hostname"), format!("killed{number}\n"), "{when}");
    assert!(m.text("/home/core/.ssh/authorized_keys").contains(&key(&format!("killed{number}"))), "{when}");
    let base = m.show(&format!("base{number}.service"), &["ActiveState", "Environment", "NeedDaemonReload"]);
    let [active, environment, outdated] = ["ActiveState", "Environment", "NeedDaemonReload"].map(|name| &base[name]);
    let wanted = if number.is_multiple_of(2) { format!("NUMBER={number}") } else { String::new() };
    assert_eq!((&**active, &**environment, &**outdated), ("active", &*wanted, "no"), "{when}");
    let wanted = m.show(&format!("wanted{number}.service"), &["ActiveState", "UnitFileState"]);
    assert_eq!((&*wanted["ActiveState"], &*wanted["UnitFileState"]), ("active", "enabled"), "{when}");
    assert_eq!(m.link(&format!("/etc/systemd/system/masked{number}.service")).as_deref(), Some("/dev/null"), "{when}");
    let left = m.sh("find /etc /srv /home /run/systemd /run/coreos-cloudinit -name '.*.cci*'");
    assert_eq!(left, "", "{when}");
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("units_survive_a_kill_at_any_call", |m| {
        let began = Instant::now();
        for number in 0..=KILLS {
            let base = "[Service]\nExecStart=/bin/sleep infinity\n";
            m.put(&format!("/etc/systemd/system/base{number}.service"), base);
            m.put(&format!("/tmp/{number}"), config(number));
        }
        m.sh(&format!("systemctl daemon-reload; systemctl start $(seq -f base%.0f.service 0 {KILLS})"));
        let program = |number: usize| format!("--from-file=/tmp/{number}");
        let whole = m.watch(&["coreos-cloudinit", &program(0)], |_| Act::Go);
        assert_eq!(whole.code, 0, "{}", whole.said);
        came_true(m, 0, "a run that nobody disturbs");
        assert!(whole.moments > KILLS, "{} moments are few", whole.moments);
        for number in 1..=KILLS {
            let at = whole.moments * number / (KILLS + 1);
            let mut when = String::new();
            m.watch(&["coreos-cloudinit", &program(number)], |moment| {
                if moment.number == at {
                    when = format!("killed at {moment:?}");
                    return Act::KillAll;
                }
                Act::Go
            });
            // systemd 257 and newer count the starts of networkd across reloads.
            m.sh("systemctl reset-failed");
            m.program(&[&program(number)]).run().ok();
            came_true(m, number, &when);
        }
        eprintln!("killed: {KILLS} times while units were placed, in {:.1} s", began.elapsed().as_secs_f32());
    });
}
