//! A power cut in the middle of a run.

use std::fmt::Write as _;
use std::fs;

use sha2::Digest as _;

use super::{INSTALLED, USER_DATA, order};
use crate::testbed::Suite;
use crate::testbed::vm::Setup;

/// How many files the run writes, and how many lines each has.
const FILES: usize = 1200;
const LINES: usize = 40;

fn content(number: usize) -> String {
    format!("{number} of many\n").repeat(LINES)
}

fn user_data() -> String {
    let mut text = String::from("#cloud-config\nusers: [{name: mary}]\nwrite_files:\n");
    for number in 0..FILES {
        let _ = write!(text, "- path: /opt/made/{number}\n  content: |\n");
        for line in content(number).lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

pub fn cases(suite: &mut Suite) {
    suite.plain("a_power_cut_in_mid_run_leaves_nothing_half_written", || {
        let setup = Setup::default().file(USER_DATA, &user_data());
        setup.switch_on().holds(|vm| {
            // What was put into its place before this one is on the disk by now, what comes after is not.
            vm.sh("until test -e /opt/made/600; do sleep 0.05; done");
            vm.cut();
            let (mut whole, mut others) = (0, Vec::new());
            for file in fs::read_dir(vm.left_behind("/opt/made").join("made")).expect("the folder is there").flatten() {
                let name = file.file_name().to_string_lossy().into_owned();
                match name.parse() {
                    Ok(number) => {
                        let text = fs::read_to_string(file.path()).expect("it is text");
                        assert_eq!(text, content(number), "{name} is half written");
                        whole += 1;
                    }
                    Err(_) => others.push(name),
                }
            }
            eprintln!("power: {whole} of {FILES} files were there, and {} that are not in place", others.len());
            assert!(whole > 0 && whole < FILES, "the power was cut when there was nothing to see");
            let accounts = fs::read_to_string(vm.left_behind("/etc/passwd").join("passwd")).expect("it is text");
            assert!(accounts.lines().all(|line| line.split(':').count() == 7), "{accounts}");

            vm.boot_again();
            order::holds(vm, "after a power cut");
            assert_eq!(vm.active(INSTALLED), "active");
            let sizes = vm.sh("cd /opt/made && cat $(seq 0 1199) | sha256sum; ls -A | wc -l");
            let expected = (0..FILES).map(content).collect::<String>();
            let hash = sha2::Sha256::digest(expected.as_bytes()).iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
            assert_eq!(sizes, format!("{hash}  -\n{FILES}"), "and nothing is left of the first try");
            assert_eq!(vm.sh("systemctl is-system-running; id -un mary"), "running\nmary");
        });
    });
}
