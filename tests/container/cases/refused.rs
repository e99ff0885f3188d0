//! Units that systemd refuses, compared with the findings about them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cloud_config::address_tokens::Addresses;
use cloud_config::diagnostic::Finding;
use cloud_config::plan::Facts;
use cloud_config::{document, user_data};

use crate::testbed::{Suite, release};

/// Units by their names.
const UNITS: &[(&str, &str)] = &[
    ("dynamic.service", "[Service]\nExecStart=/bin/true\nDynamicUser=maybe\n"),
    ("cal0.timer", "[Timer]\nOnCalendar=daily\n"),
    ("cal1.timer", "[Timer]\nOnCalendar=Mon..Fri 10:00\n"),
    ("cal2.timer", "[Timer]\nOnCalendar=Mon,Tue *-*-* 00:00:00\n"),
    ("cal3.timer", "[Timer]\nOnCalendar=*-*-* 4:00\n"),
    ("cal4.timer", "[Timer]\nOnCalendar=2026-01-01\n"),
    ("cal5.timer", "[Timer]\nOnCalendar=daily UTC\n"),
    ("cal6.timer", "[Timer]\nOnCalendar=*:0/15\n"),
    ("cal7.timer", "[Timer]\nOnCalendar=@1395716396\n"),
    ("cal8.timer", "[Timer]\nOnCalendar=*-*~03\n"),
    ("cal9.timer", "[Timer]\nOnCalendar=Sat *-*-1..7 18:00:00\n"),
    ("cal10.timer", "[Timer]\nOnCalendar=*/5 * * * *\n"),
    ("cal11.timer", "[Timer]\nOnCalendar=every day\n"),
    ("cal12.timer", "[Timer]\nOnCalendar=midnight\n"),
    ("cal13.timer", "[Timer]\nOnCalendar=25:00\n"),
    ("cal14.timer", "[Timer]\nOnCalendar=0 4 * * *\n"),
    ("cal15.timer", "[Timer]\nOnCalendar=*-*-* 10:60\n"),
    ("cal16.timer", "[Timer]\nOnCalendar=tomorrow\n"),
    ("cal17.timer", "[Timer]\nOnCalendar=Mon\n"),
    ("cal18.timer", "[Timer]\nOnCalendar=Mon-Fri 3:00\n"),
    ("cal19.timer", "[Timer]\nOnCalendar=Mon..Fri,Sun 3:00\n"),
    ("cal20.timer", "[Timer]\nOnCalendar=monday\n"),
    ("cal21.timer", "[Timer]\nOnCalendar=Mo 3:00\n"),
    ("cal22.timer", "[Timer]\nOnCalendar=*-*-* *:*:*\n"),
    ("cal23.timer", "[Timer]\nOnCalendar=*:0/90\n"),
    ("cal24.timer", "[Timer]\nOnCalendar=12\n"),
    ("cal25.timer", "[Timer]\nOnCalendar=04:00 UTC\n"),
    ("cal26.timer", "[Timer]\nOnCalendar=quarterly\n"),
    ("span0.timer", "[Timer]\nOnBootSec=5min\n"),
    ("span1.timer", "[Timer]\nOnBootSec=1h 30min\n"),
    ("span2.timer", "[Timer]\nOnBootSec=90\n"),
    ("span3.timer", "[Timer]\nOnBootSec=1.5h\n"),
    ("span4.timer", "[Timer]\nOnBootSec=infinity\n"),
    ("span5.timer", "[Timer]\nOnBootSec=5 minutes\n"),
    ("span6.timer", "[Timer]\nOnBootSec=2d12h\n"),
    ("span7.timer", "[Timer]\nOnBootSec=0\n"),
    ("span8.timer", "[Timer]\nOnBootSec=5 minuts\n"),
    ("span9.timer", "[Timer]\nOnBootSec=soon\n"),
    ("span10.timer", "[Timer]\nOnBootSec=min\n"),
    ("span11.timer", "[Timer]\nOnBootSec=5mn\n"),
    ("span12.timer", "[Timer]\nOnBootSec=-5\n"),
    ("span13.timer", "[Timer]\nOnBootSec=5 M\n"),
    ("span14.timer", "[Timer]\nOnBootSec=5m5\n"),
    ("span15.timer", "[Timer]\nOnBootSec=10 s\n"),
    ("span16.timer", "[Timer]\nOnBootSec=1..5h\n"),
    ("span17.timer", "[Timer]\nOnBootSec=5 Min\n"),
    ("span18.timer", "[Timer]\nOnBootSec=1w2d\n"),
    ("addr0.socket", "[Socket]\nListenStream=8080\n"),
    ("addr1.socket", "[Socket]\nListenStream=127.0.0.1:80\n"),
    ("addr2.socket", "[Socket]\nListenStream=[::1]:80\n"),
    ("addr3.socket", "[Socket]\nListenStream=/run/x\n"),
    ("addr4.socket", "[Socket]\nListenStream=@name\n"),
    ("addr5.socket", "[Socket]\nListenStream=[::]:443\n"),
    ("addr6.socket", "[Socket]\nListenStream=localhost:80\n"),
    ("addr7.socket", "[Socket]\nListenStream=70000\n"),
    ("addr8.socket", "[Socket]\nListenStream=http\n"),
    ("addr9.socket", "[Socket]\nListenStream=run/x\n"),
    ("addr10.socket", "[Socket]\nListenStream=127.0.0.1:\n"),
    ("addr11.socket", "[Socket]\nListenStream=0\n"),
    ("addr12.socket", "[Socket]\nListenStream=::1\n"),
    ("addr13.socket", "[Socket]\nListenStream=1.2.3.4\n"),
    ("addr14.socket", "[Socket]\nListenStream=*:80\n"),
    ("addr15.socket", "[Socket]\nListenStream=[fe80::1]:80\n"),
    ("calboth.timer", "[Timer]\nOnCalendar=every day\nOnBootSec=5min\n"),
    ("rel.service", "[Service]\nExecStart=./foo\n"),
    ("relslash.service", "[Service]\nExecStart=bin/foo\n"),
    ("relignore.service", "[Service]\nExecStart=-bin/foo\n"),
    ("relignore2.service", "[Service]\nExecStart=-bin/foo\nExecStart=/bin/true\n"),
    ("plain.service", "[Service]\nExecStart=true\n"),
    ("var.service", "[Service]\nExecStart=${FOO}/bin/x\n"),
    ("var2.service", "[Service]\nExecStart=$FOO\n"),
    ("pre.service", "[Service]\nExecStartPre=bin/x\nExecStart=/bin/true\n"),
    ("post.service", "[Service]\nExecStartPost=a/b\nExecStart=/bin/true\n"),
    ("reload.service", "[Service]\nExecReload=a/b\nExecStart=/bin/true\n"),
    ("stoppost.service", "[Service]\nExecStopPost=a/b\nExecStart=/bin/true\n"),
    ("cond.service", "[Service]\nExecCondition=a/b\nExecStart=/bin/true\n"),
    ("two.service", "[Service]\nExecStart=/bin/true\nExecStart=/bin/false\n"),
    ("semi.service", "[Service]\nExecStart=/bin/true ; /bin/false\n"),
    ("semiesc.service", "[Service]\nExecStart=/bin/true \\; /bin/false\n"),
    ("semirel.service", "[Service]\nType=oneshot\nExecStart=/bin/true ; bin/false\n"),
    ("tworeset.service", "[Service]\nExecStart=/bin/true\nExecStart=\nExecStart=/bin/false\n"),
    ("twoone.service", "[Service]\nType=oneshot\nExecStart=/bin/true\nExecStart=/bin/false\n"),
    ("oneempty.service", "[Service]\nType=oneshot\n"),
    ("onestop.service", "[Service]\nExecStop=/bin/true\n"),
    ("simplestop.service", "[Service]\nType=simple\nExecStop=/bin/true\n"),
    ("forkstop.service", "[Service]\nType=forking\nExecStop=/bin/true\n"),
    ("onestopsucc.service", "[Unit]\nSuccessAction=reboot\n[Service]\nType=simple\n"),
    ("onealways.service", "[Service]\nType=oneshot\nRestart=always\nExecStart=/bin/true\n"),
    ("onefail.service", "[Service]\nType=oneshot\nRestart=on-failure\nExecStart=/bin/true\n"),
    ("onesucc.service", "[Service]\nType=oneshot\nRestart=on-success\nExecStart=/bin/true\n"),
    ("nameless-bus.service", "[Service]\nType=dbus\nExecStart=/bin/true\n"),
    ("dbusimpl.service", "[Service]\nBusName=a.b.c\nExecStart=/bin/true\n"),
    ("quote.service", "[Service]\nExecStart=/bin/echo \"a\n"),
    ("quote1.service", "[Service]\nExecStart=/bin/echo 'a\n"),
    ("quotemid.service", "[Service]\nExecStart=/bin/echo it's\n"),
    ("escape.service", "[Service]\nExecStart=/bin/echo \\d\n"),
    ("escape2.service", "[Service]\nExecStart=/bin/echo \"a\\qb\"\n"),
    ("escape3.service", "[Service]\nExecStart=/bin/echo \\x4\n"),
    ("escape4.service", "[Service]\nExecStart=/bin/ec\\qho a\n"),
    ("escape5.service", "[Service]\nExecStart=/bin/echo \\xzz \\u12 \\0\n"),
    ("escape6.service", "[Service]\nExecStart=/bin/echo \\000\n"),
    ("escend.service", "[Service]\nExecStart=/bin/echo a\\\\\\"),
    ("escend2.service", "[Service]\nExecStart=/bin/echo a\\"),
    ("pct.service", "[Service]\nExecStart=/bin/date +%Y-%q\n"),
    ("onlyat.service", "[Service]\nExecStart=@\n"),
    ("onlydash.service", "[Service]\nExecStart=-\n"),
    ("at1.service", "[Service]\nExecStart=@/bin/true\n"),
    ("dir.service", "[Service]\nExecStart=/bin/\n"),
    ("dots.service", "[Service]\nExecStart=/bin/../bin/true\n"),
    ("quotedpath.service", "[Service]\nExecStart=\"/bin/true\" x\n"),
    ("user.service", "[Service]\nUser=a b\nExecStart=/bin/true\n"),
    ("user2.service", "[Service]\nUser=a:b\nExecStart=/bin/true\n"),
    ("group.service", "[Service]\nGroup=a/b\nExecStart=/bin/true\n"),
    ("wd.service", "[Service]\nWorkingDirectory=rel\nExecStart=/bin/true\n"),
    ("wdhome.service", "[Service]\nWorkingDirectory=~\nExecStart=/bin/true\n"),
    ("wddash.service", "[Service]\nWorkingDirectory=-rel\nExecStart=/bin/true\n"),
    ("wdvar.service", "[Service]\nWorkingDirectory=$HOME\nExecStart=/bin/true\n"),
    ("root.service", "[Service]\nRootDirectory=rel\nExecStart=/bin/true\n"),
    ("rootimg.service", "[Service]\nRootImage=rel\nExecStart=/bin/true\n"),
    ("nosec.service", "ExecStart=/bin/true\n"),
    ("unitonly.service", "[Unit]\nDescription=x\n"),
    ("unclosed.service", "[Service\nExecStart=/bin/true\n"),
    ("trail.service", "[Service] # x\nExecStart=/bin/true\n"),
    ("wrongsec.service", "[service]\nExecStart=/bin/true\n"),
    ("noeq.service", "[Service]\nfoo\nExecStart=/bin/true\n"),
    ("keyempty.service", "[Service]\n=foo\nExecStart=/bin/true\n"),
    ("blanksec.service", "[ Service ]\nExecStart=/bin/true\n"),
    ("mnt-a.mount", "[Mount]\nWhere=/mnt/a\n"),
    ("mnt-c.mount", "[Mount]\nWhat=/dev/x\nWhere=/mnt/d\n"),
    ("mnt-e.mount", "[Mount]\nWhat=/dev/x\nWhere=mnt/e\n"),
    ("mnt-f.mount", "[Mount]\nWhat=/dev/x\nWhere=/mnt/f/\n"),
    ("mnt-g.mount", "[Mount]\nWhat=\nWhere=/mnt/g/\n"),
    ("noname.mount", "[Unit]\nDescription=x\n"),
    ("mnt-h.automount", "[Unit]\n"),
    ("mnt-i.automount", "[Automount]\nWhere=/mnt/j\n"),
    ("swapfile.swap", "[Swap]\nWhat=/var/swapfile\n"),
    ("swapfilb.swap", "[Swap]\nWhat=/swapfilb\n"),
    ("swapfilc.swap", "[Swap]\nPriority=1\n"),
    ("swapfild.swap", "[Unit]\nDescription=x\n"),
    ("swape.swap", "[Swap]\nWhat=UUID=abc\n"),
    ("swapf.swap", "[Swap]\nWhat=rel\n"),
    ("a.timer", "[Timer]\nUnit=x.service\n"),
    ("b.timer", "[Timer]\nOnCalendar=daily\n"),
    ("d.timer", "[Timer]\nOnClockChange=yes\n"),
    ("f.timer", "[Timer]\nOnBootSec=\n"),
    ("g.timer", "[Timer]\nOnCalendar=daily\nOnBootSec=\n"),
    ("h.timer", "[Timer]\nOnClockChange=no\n"),
    ("i.timer", "[Timer]\nPersistent=true\nOnUnitActiveSec=60\n"),
    ("a.socket", "[Socket]\nAccept=yes\n"),
    ("b.socket", "[Socket]\nListenStream=\n"),
    ("c.socket", "[Socket]\nListenStream=/run/c\n"),
    ("e.socket", "[Socket]\nListenFIFO=/run/x\nAccept=yes\n"),
    ("f.socket", "[Socket]\nListenDatagram=80\nAccept=yes\n"),
    ("g.socket", "[Socket]\nListenStream=80\nAccept=yes\nService=x.service\n"),
    ("a.path", "[Path]\nUnit=x.service\n"),
    ("b.path", "[Path]\nPathExists=rel\n"),
    ("c.path", "[Path]\nPathExists=/a\n"),
    ("d.path", "[Path]\nPathExists=/a\nPathExists=\n"),
    ("e.path", "[Path]\nPathChanged=%t/a\n"),
    ("f.path", "[Path]\nPathExists=/a\nPathChanged=\n"),
    ("a.target", "[Unit]\n"),
    ("q1.service", "[Service]\nExecStart=\"/bin/x\n"),
    ("q2.service", "[Service]\nExecStart=\"/bin/x y\" a\n"),
    ("q3.service", "[Service]\nExecStart=/bin/x\\x20y a\n"),
    ("q5.service", "[Service]\nExecStart=/bin/true a;b\n"),
    ("q6.service", "[Service]\nExecStart=/bin/true ;\n"),
    ("q8.service", "[Service]\nExecStart=/bin/true a\\\n# c\n\"b\" \\\n  c\n"),
    ("q9.service", "[Service]\nExecStart=%h/foo\n"),
    ("q14.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStop=/bin/a\n"),
    ("q15.service", "[Service]\nExecStart=/bin/bash -c 'a\n\nb'\n"),
    ("q16.service", "[Service]\nExecStart=/bin/bash -c 'a \\\n# x\nb'\n"),
    ("q17.socket", "[Socket]\nListenStream=/run/q17\nUser=a/b\n"),
    ("q18.service", "[Unit]\nSuccessAction=none\n[Service]\nType=oneshot\n"),
    ("q26.service", "[Service]\nExecStart= \\\n  /bin/true\n"),
    ("q27.service", "[Service]\nExecStart=/bin/true \\\n\n[Install]\n"),
    ("q28.service", "[Service]\nExecStart=..\n"),
    ("q30.service", "[Service]\nExecStart=/bin/echo 'a\\'b'\n"),
    ("spec1.service", "[Service]\nExecStart=/bin/date +%F\n"),
    ("spec2.service", "[Service]\nExecStart=/bin/date +%%F 5% %-d\n"),
    ("spec3.service", "[Service]\nExecStart=/bin/sh -c 'printf \"%02x\"'\n"),
    ("spec4.service", "[Service]\nExecStart=-/bin/date +%F\nExecStart=/bin/true\n"),
    ("spec5.service", "[Service]\nExecStart=/bin/true %e\n"),
    ("spec6.service", "[Service]\nEnvironment=A=%F\nExecStart=/bin/true\n"),
    ("spec7.service", "[Service]\nWorkingDirectory=/a/%k\nExecStart=/bin/true\n"),
    ("spec8.service", "[Service]\nUser=a%k\nExecStart=/bin/true\n"),
    ("spec9.service", "[Service]\nWorkingDirectory=-/a/%k\nExecStart=/bin/true\n"),
    ("speca.service", "[Unit]\nDescription=%F\n[Service]\nExecStart=/bin/true %a%b%C%E%f%g%G%h%H%i%I%j%J%l%L%m\n"),
    ("specb.service", "[Service]\nExecStart=/bin/true %n%N%o%p%P%s%S%t%T%u%U%v%V%w%W%A%B%M\n"),
    ("specc.service", "[Service]\nExecStart=/bin/%z\n"),
    ("prefix1.service", "[Service]\nExecStart=+!/bin/true\n"),
    ("prefix2.service", "[Service]\nExecStart=--/bin/true\n"),
    ("prefix3.service", "[Service]\nExecStart=!-!@/bin/true true\n"),
    ("prefix4.service", "[Service]\nExecStart=!!!/bin/true\n"),
    ("prefix5.service", "[Service]\nExecStart=+:-/bin/true\n"),
    ("wddots.service", "[Service]\nWorkingDirectory=/srv/../x\nExecStart=/bin/true\n"),
    ("wddots2.service", "[Service]\nWorkingDirectory=-/srv/../x\nExecStart=/bin/true\n"),
    ("wddot.service", "[Service]\nWorkingDirectory=/srv/./x//y\nExecStart=/bin/true\n"),
    ("rootdots.service", "[Service]\nRootDirectory=/srv/../x\nExecStart=/bin/true\n"),
    ("supp.service", "[Service]\nSupplementaryGroups=a:b\nExecStart=/bin/true\n"),
    ("supp2.service", "[Service]\nSupplementaryGroups=a b\nExecStart=/bin/true\n"),
    ("uid1.service", "[Service]\nUser=65535\nExecStart=/bin/true\n"),
    ("uid2.service", "[Service]\nUser=99999999999\nExecStart=/bin/true\n"),
    ("uid3.service", "[Service]\nUser=1000\nExecStart=/bin/true\n"),
    ("action.service", "[Unit]\nSuccessAction=reboot-now\n[Service]\nType=oneshot\n"),
    ("su.socket", "[Socket]\nListenStream=/run/su\nSocketUser=a:b\n"),
    ("fifo.socket", "[Socket]\nListenFIFO=run/x\n"),
    ("mq.socket", "[Socket]\nListenMessageQueue=foo\n"),
    ("mq2.socket", "[Socket]\nListenMessageQueue=/foo\n"),
    ("special.socket", "[Socket]\nListenSpecial=dev/x\n"),
    ("dots.path", "[Path]\nDirectoryNotEmpty=/x/../y\n"),
    ("proc.mount", "[Mount]\nWhat=x\nWhere=/proc\n"),
    ("run.mount", "[Mount]\nWhat=x\nWhere=/run\n"),
    ("dev-shm.mount", "[Mount]\nWhat=x\nWhere=/dev/shm\n"),
    ("proc-x.mount", "[Mount]\nWhat=x\nWhere=/proc/x\n"),
    ("sys-x.mount", "[Mount]\nWhat=x\nWhere=/sys/x\n"),
    ("dev-x.mount", "[Mount]\nWhat=x\nWhere=/dev/x\n"),
    ("run-x.mount", "[Mount]\nWhat=x\nWhere=/run/x\n"),
    ("sys-fs-cgroup-a.mount", "[Mount]\nWhat=x\nWhere=/sys/fs/cgroup/a\n"),
    ("sys-fs-bpf.mount", "[Mount]\nWhat=x\nWhere=/sys/fs/bpf\n"),
    ("sys-fs-pstore.mount", "[Mount]\nWhat=x\nWhere=/sys/fs/pstore\n"),
    ("sys-kernel-security.mount", "[Mount]\nWhat=x\nWhere=/sys/kernel/security\n"),
    ("sys-firmware-efi-efivars.mount", "[Mount]\nWhat=x\nWhere=/sys/firmware/efi/efivars\n"),
    ("proc.automount", "[Automount]\nWhere=/proc\n"),
    ("calendar1.timer", "[Timer]\nOnCalendar=Mon 25:00\n"),
    ("calendar2.timer", "[Timer]\nOnCalendar=10:00 Mon\n"),
    ("calendar3.timer", "[Timer]\nOnCalendar=2026/01/01 10:00\n"),
    ("calendar4.timer", "[Timer]\nOnCalendar=@daily\n"),
    ("calendar5.timer", "[Timer]\nOnCalendar=Mon-Fri *-*-1..7 8..18/2:00 UTC\n"),
    ("calendar6.timer", "[Timer]\nOnCalendar=daily\nOnCalendar=04:00 daily\nPersistent=maybe\n"),
    ("odd.socket", "[Socket]\nListenStream=80\nSocketMode=rw-rw----\nAccept=maybe\nBacklog=many\n"),
    ("odd.service", "[Service]\nType=onshot\nExecStart=/bin/true\nRestart=ever\nRestartSec=soon\nUMask=rw\n"),
    ("a--b.slice", "[Unit]\n"),
    ("a-b.slice", "[Unit]\n"),
];

/// Units that systemd 252 loads without a line that it ignores. 257 refuses them.
const IGNORED_BY_252: [&str; 2] = ["swape.swap", "swapf.swap"];

/// Lines of `[Install]`, and whether systemd takes them.
const INSTALLS: &[(&str, bool)] = &[
    ("WantedBy=multi-user.target", true),
    ("WantedBy=multi-user.target a@b.service", true),
    ("WantedBy=%p.target", true),
    ("Alias=other.service", true),
    ("WantedBy=multi-user", false),
    ("RequiredBy=multi-user.target # boot", false),
    ("WantedBy=a.target,b.target", false),
    ("Alias=foo", false),
    ("Also=foo", false),
];

/// Lines of `[Service]`, and whether systemd ignores them or a word of them.
const IGNORED: &[(&str, bool)] = &[
    ("Environment=FOO", true),
    ("Environment=A=b c", true),
    ("Environment=A='b\" c", true),
    ("Environment=1A=b", true),
    ("Environment=A-B=c", true),
    ("Environment=A=\\$HOME", true),
    ("Environment=A=b # comment", true),
    ("Environment=\"A=b c\" 'D=e' F=\"g h\"", false),
    ("Environment=A=${B} C=%i D=b\\x41", false),
    ("LimitNOFILE=many", true),
    ("LimitNOFILE=unlimited", true),
    ("LimitNOFILE=64k", true),
    ("LimitNOFILE=65536:1024", true),
    ("LimitNOFILE=65536:infinity", false),
    ("LimitNOFILE=0x10", false),
    ("LimitCORE=10MB", true),
    ("LimitCORE=1G 500M", false),
    ("LimitCPU=soon", true),
    ("LimitCPU=5min", false),
    ("LimitNICE=x", true),
    ("LimitNICE=-5", false),
    ("Nice=high", true),
    ("Nice=99", true),
    ("Nice=-5", false),
    ("OOMScoreAdjust=9999", true),
    ("StandardOutput=console", true),
    ("StandardOutput=journal+console", false),
    ("PrivateTmp=ture", true),
    ("ProtectSystem=ful", true),
    ("ProtectSystem=strict", false),
    ("ProtectHome=readonly", true),
    ("Type=oneshoot", true),
    ("Restart=yes", true),
    ("TimeoutSec=never", true),
    ("RemainAfterExit=maybe", true),
    ("MemoryAccounting=x", true),
];

/// Units with specifiers that systemd 252 reads and 247 refuses.
const REFUSED_BY_247: [&str; 2] = ["pct.service", "specb.service"];

/// Returns the units that this version of systemd can load: 247 crashes at a service of type D-Bus without a name.
fn units() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    UNITS.iter().filter(|(name, _)| release::systemd() > 247 || *name != "nameless-bus.service")
}

/// Rules of findings that say that systemd refuses a unit.
const REFUSED: [&str; 5] = ["bad-unit-setting", "missing-unit-setting", "no-exec-start", "mount-name", "odd-unit-name"];

/// Returns true if a finding reports that systemd refuses the unit.
fn is_reported(name: &str, content: &str) -> bool {
    let refuses = |message: &str| {
        message.contains("systemd refuses the file") || message.ends_with(", which then refuses the unit")
    };
    findings(name, content).iter().any(|finding| REFUSED.contains(&finding.rule.id) || refuses(&finding.message))
}

fn findings(name: &str, content: &str) -> Vec<Finding> {
    let content = content.lines().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "      {line}");
        text
    });
    let text = format!("#cloud-config\ncoreos:\n  units:\n  - name: {name}\n    content: |\n{content}");
    let part = user_data::split("it", text.into_bytes()).remove(0);
    document::read(part, &Addresses::default(), false).plan(&Facts::default(), "set").findings
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("units_that_systemd_refuses_are_reported", |m| {
        for (name, content) in units() {
            m.put(&format!("/run/systemd/system/{name}"), content);
        }
        m.sh("systemctl daemon-reload");
        let names: Vec<_> = units().map(|(name, _)| format!("'{name}'")).collect();
        let shown = m.sh(&format!("systemctl show --property=Id,LoadState {}", names.join(" ")));
        let mut states = BTreeMap::new();
        for unit in shown.split("\n\n") {
            let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().to_owned();
            states.insert(value("Id="), value("LoadState="));
        }
        assert!(states.values().filter(|state| *state == "bad-setting").count() > 40, "{shown}");
        let mut wrong = Vec::new();
        for (name, content) in units() {
            let state = states.get(*name).map_or("", String::as_str);
            let is_ignored = release::systemd() <= 252 && IGNORED_BY_252.contains(name);
            if release::systemd() <= 247 && REFUSED_BY_247.contains(name) {
                assert_eq!(state, "bad-setting", "{name}");
                continue;
            }
            if is_reported(name, content) != (is_ignored || matches!(state, "bad-setting" | "error")) {
                wrong.push(format!("{name} ({state}): {content}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });

    suite.fresh("what_systemd_ignores_is_reported", |m| {
        let mut wrong = Vec::new();
        for (number, (line, is_ignored)) in IGNORED.iter().enumerate() {
            let name = format!("ignored{number}.service");
            let content = format!("[Service]\nExecStart=/bin/true\n{line}\n");
            m.put(&format!("/run/systemd/system/{name}"), &content);
            let log = m.verify(&[&format!("/run/systemd/system/{name}")]).stderr;
            let is_logged = log.lines().any(|line| line.contains(&format!("{name}:3:")) && line.contains("gnoring"));
            let is_found = findings(&name, &content).iter().any(|found| found.message.contains("ignored by systemd"));
            if is_logged != *is_ignored || is_found != *is_ignored {
                wrong.push(format!("{line}: {is_logged}, {is_found}: {log}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });

    suite.fresh("units_that_systemd_cannot_enable_are_reported", |m| {
        for (number, (line, may_be_taken)) in INSTALLS.iter().enumerate() {
            let name = format!("install{number}.service");
            let content = format!("[Service]\nExecStart=/bin/true\n[Install]\n{line}\n");
            m.put(&format!("/run/systemd/system/{name}"), &content);
            // systemd 247 makes such a link.
            let is_taken = *may_be_taken || (release::systemd() <= 247 && *line == "Alias=foo");
            let enabled = m.sh(&format!("systemctl enable --runtime {name} >/dev/null 2>&1 && echo yes || echo no"));
            assert_eq!(enabled == "yes", is_taken, "{line}");
            assert_eq!(is_reported(&name, &content), !may_be_taken, "{line}");
        }
    });

    suite.fresh("a_refused_unit_is_reported_with_the_place_of_its_reason", |m| {
        let config = r"
            coreos:
              units:
                - name: refused.service
                  command: start
                  content: |
                    [Service]
                    ExecStart=/bin/true
                    ExecStart=/bin/true
                - name: needs.service
                  command: start
                  content: |
                    [Unit]
                    Requires=refused.service
                    [Service]
                    ExecStart=/bin/true
            ";
        let run = m.apply(config).exits(1);
        run.says(&["bad-unit-setting", "`systemd-analyze verify refused.service`", "`journalctl -u refused.service`"]);
        assert_eq!(m.property("refused.service", "LoadState"), "bad-setting");
    });

    suite.fresh("a_template_without_an_instance_is_not_enabled", |m| {
        let config = r"
            coreos:
              units:
                - name: template@.service
                  enable: true
                  content: |
                    [Service]
                    ExecStart=/bin/true
                    [Install]
                    WantedBy=multi-user.target
            ";
        let run = m.apply(config).says(&["no-default-instance"]);
        if release::systemd() > 247 {
            run.exits(1).says(&["failed to enable template@.service"]);
        } else {
            // It does nothing, and reports no failure.
            run.ok();
        }
    });

    suite.fresh("a_dry_run_fails_where_systemd_refuses_to_start_a_unit", |m| {
        for (unit, fault) in [
            ("{name: a.service, command: start, content: \"[Service]\\nExecStart=bin/a\\n\"}", "a.service"),
            ("{name: b.service, command: restart, content: \"[Unit]\\nDescription=b\\n\"}", "b.service"),
            ("{name: data.mount, command: start, content: \"[Mount]\\nWhat=/dev/a\\nWhere=/srv\\n\"}", "data.mount"),
            ("{name: swapfile.swap, command: start, content: \"[Swap]\\nWhat=/var/swap\\n\"}", "swapfile.swap"),
            ("{name: open.service, command: start, content: \"[Service\\nExecStart=/bin/true\\n\"}", "open.service"),
            ("{name: c.service, command: start, mask: true}", "c.service"),
            ("{name: <no value>.service, command: start}", "<no value>.service"),
        ] {
            let config = format!("coreos: {{units: [{unit}]}}");
            m.apply_with(&config, &["--dry-run"], &[]).exits(1).says(&["! ", &format!(" {fault}: ")]);
            m.apply(&config).exits(1).says(&[fault]);
        }
        // A restart of what does not run is no start, and a stop needs no unit that systemd takes.
        for verb in ["stop", "try-restart", "reload-or-try-restart"] {
            let unit = format!("{{name: d.service, command: {verb}, content: \"[Service]\\nExecStart=/bin/true\\n\"}}");
            let config = format!("coreos: {{units: [{unit}]}}");
            m.apply_with(&config, &["--dry-run"], &[]).ok();
        }
    });
}
