//! Benchmarks in a machine with systemd: units, users, a typical run.

use std::fmt::Write as _;
use std::time::Duration;

use super::measure::{Table, Taken, baseline, float, ms, program};
use super::testbed::{Boot, Machine};

/// The release build, and the baselines, in the machine.
const PROGRAM: &str = "/usr/bin/measured";
const BASELINE: &str = "/usr/bin/baseline";

const TYPICAL: &str = "#cloud-config
hostname: web-1
users:
- name: typical
  ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK typical]
write_files:
- {path: /etc/typical.conf, content: \"a file\"}
coreos:
  units:
  - name: typical.service
    command: start
    content: |
      [Service]
      Type=oneshot
      RemainAfterExit=yes
      ExecStart=/bin/true
";

pub fn rows(table: &mut Table) {
    typical(table);
    users(table);
    units(table);
}

fn machine() -> Machine {
    Boot::default().bind(program(), PROGRAM).bind(baseline(), BASELINE).boot()
}

/// Runs `argv` once in the machine, and returns its cost.
fn time(m: &Machine, argv: &[&str]) -> Taken {
    let all: Vec<_> = [BASELINE, "time", "1", "--"].iter().chain(argv).copied().collect();
    Taken::read(&m.run(&all).ok().stdout)
}

fn apply(m: &Machine) -> Taken {
    time(m, &[PROGRAM, "-q", "--from-file=/root/config"])
}

/// A first run in a new machine, beside `useradd` and `systemctl start` of the same.
struct First {
    run: Duration,
    useradd: Duration,
    start: Duration,
}

impl First {
    /// The time of the program itself.
    fn rest(&self) -> Duration {
        self.run.saturating_sub(self.useradd + self.start)
    }
}

fn first(m: &Machine) -> First {
    // The work without the program, with unit names of its own.
    m.put("/run/systemd/system/other.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n");
    let useradd = time(m, &["useradd", "--create-home", "--user-group", "--password", "*", "--", "other"]).wall;
    let start = time(m, &["systemctl", "start", "other.service"]).wall;
    m.put("/root/config", TYPICAL);
    First { run: apply(m).wall, useradd, start }
}

fn typical(table: &mut Table) {
    let (mut warm, mut fresh): (Option<First>, Option<First>) = (None, None);
    let mut again: Option<Taken> = None;
    let better = |best: Option<First>, now: First| best.filter(|best| best.rest() <= now.rest()).or(Some(now));
    for _ in 0..3 {
        let m = machine();
        m.sh("busctl call org.freedesktop.hostname1 /org/freedesktop/hostname1 org.freedesktop.DBus.Peer Ping");
        warm = better(warm, first(&m));
        for _ in 0..5 {
            let taken = apply(&m);
            again = Some(again.map_or(taken, |best| best.best(taken)));
        }
        let m = machine();
        m.sh("systemctl is-active systemd-hostnamed.service && exit 1 || true");
        fresh = better(fresh, first(&m));
    }
    for (name, first, bar) in [("with hostnamed running", warm, 40.0), ("with hostnamed not started", fresh, 60.0)] {
        let Some(first) = first else { continue };
        table.note(
            format!("a typical first run {name}, `useradd` and `systemctl start` alone"),
            format!("{:.1} ms, {:.1} ms, {:.1} ms", ms(first.run), ms(first.useradd), ms(first.start)),
        );
        table.bar(format!("a typical first run {name}, without these two"), ms(first.rest()), bar, "ms");
    }
    if let Some(again) = again {
        table.bar("a typical second run", ms(again.wall), 30.0, "ms");
        table.bar("a typical run, memory", float(again.memory) / 1e6, 12.0, "MB");
    }
}

fn users(table: &mut Table) {
    const COUNT: u32 = 20;
    let m = machine();
    let mut text = String::from("#cloud-config\nusers:\n");
    for number in 0..COUNT {
        let key = format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK u{number}");
        let _ = writeln!(text, "- {{name: user{number}, ssh_authorized_keys: [{key}]}}");
    }
    m.put("/root/config", text);
    let mut alone = Duration::ZERO;
    for number in 0..COUNT {
        let name = format!("other{number}");
        alone += time(&m, &["useradd", "--create-home", "--user-group", "--password", "*", "--", &name]).wall;
    }
    let ours = apply(&m).wall;
    table.note(
        format!("{COUNT} users with keys, and `useradd` {COUNT} times alone"),
        format!("{:.0} ms, {:.0} ms", ms(ours), ms(alone)),
    );
    let beside = ours.saturating_sub(alone).div_f64(f64::from(COUNT));
    table.bar("a user with a key, without `useradd`", ms(beside), 1.0, "ms");
    table.note(format!("second run: {COUNT} users with keys"), format!("{:.1} ms", ms(apply(&m).wall)));
}

fn units(table: &mut Table) {
    const COUNT: u32 = 100;
    const UNIT: &str =
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
    let (mut ours, mut by_hand) = (Duration::MAX, Duration::MAX);
    let mut reloads = 0;
    for _ in 0..3 {
        let m = machine();
        let names: Vec<_> = (0..COUNT).map(|number| format!("other{number}.service")).collect();
        m.sh(&format!(
            "cd /root; mkdir -p units; for i in $(seq 0 {}); do mkdir units/other$i.service.d; done",
            COUNT - 1
        ));
        for name in &names {
            m.put(&format!("/root/units/{name}"), UNIT);
            m.put(&format!("/root/units/{name}.d/10-nice.conf"), "[Service]\nNice=5\n");
        }
        let names = names.join(" ");
        m.put("/root/by-hand", format!("set -e\ncp -r /root/units/* /etc/systemd/system/\nsync -f /etc\nsystemctl daemon-reload\nsystemctl enable {names}\nsystemctl start {names}\n"));
        by_hand = by_hand.min(time(&m, &["sh", "/root/by-hand"]).wall);
        let mut text = String::from("#cloud-config\ncoreos:\n  units:\n");
        for number in 0..COUNT {
            let content = UNIT.replace('\n', "\\n");
            let _ = writeln!(
                text,
                "  - {{name: ours{number}.service, enable: true, command: start, content: \"{content}\", drop-ins: [{{name: 10-nice.conf, content: \"[Service]\\nNice=5\\n\"}}]}}"
            );
        }
        m.put("/root/config", text);
        let cursor = m.sh("journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p'");
        ours = ours.min(apply(&m).wall);
        let seen = m.sh(&format!("journalctl --after-cursor='{cursor}' _PID=1 -o cat | grep -c '^Reloading' || true"));
        reloads = reloads.max(seen.trim().parse().unwrap_or_default());
    }
    table.note(
        format!("{COUNT} units with drop-ins, enabled and started; by hand"),
        format!("{:.0} ms, {:.0} ms", ms(ours), ms(by_hand)),
    );
    table.bar("100 units, ratio to the same by hand", ours.div_duration_f64(by_hand), 1.2, "×");
    table.bar("100 units: daemon-reloads", f64::from(reloads), 1.0, "");
}
