//! NoCloud seeds at boot, and drives, as far as they can be had without a disk.

use super::image::{image, sound};
use crate::testbed::Suite;

const SEED: &str = "user-nocloud-seed.service";
const DRIVE: &str = "user-nocloud.service";
const OLD: &str = "/var/lib/cloud/seed/nocloud-net";

/// Makes files look like a mounted drive.
fn mount(place: &str) -> String {
    format!("mkdir -p {place}; mount -t tmpfs none {place}")
}

pub fn cases(suite: &mut Suite) {
    let seed = image()
        .file(&format!("{OLD}/user-data"), "#cloud-config\nwrite_files: [{path: /etc/from-seed, content: x}]\n")
        .file(&format!("{OLD}/meta-data"), "{\"instance-id\": \"i-1\", \"local-hostname\": \"of-the-seed\"}");
    suite.boot("a_seed_directory_is_applied_once_and_a_drive_is_not", seed, |m| {
        sound(m);
        assert_eq!(m.active(SEED), "active", "{}", m.whole_log());
        assert_eq!(m.sh("hostname; cat /etc/from-seed"), "of-the-seed\nx");
        let status = m.program(&["--status", "--format=json"]).run().stdout;
        assert_eq!(status.matches("\"source\"").count(), 1, "{status}");

        m.sh(&mount("/media/nocloud"));
        m.put("/media/nocloud/user-data", "#cloud-config\nhostname: of-the-drive\n");
        m.sh(&format!("systemctl start {DRIVE}"));
        assert_eq!([m.active(DRIVE), m.sh("hostname")], ["inactive", "of-the-seed"]);
        assert!(m.whole_log().contains("the NoCloud seed was applied and has precedence; NoCloud drive not applied"));
        assert_eq!(m.sh("systemctl --failed --plain --no-legend"), "");
    });

    let line = "quiet ds=nocloud;s=file:///srv/seed/;h=of-the-line\n";
    let named = image()
        .file("/srv/cmdline", line)
        .file("/srv/seed/user-data", "#cloud-config\nwrite_files: [{path: /etc/from-seed, content: named}]\n")
        .kernel("ds=nocloud;s=file:///srv/seed/;h=of-the-line");
    suite.boot("a_seed_is_named_on_the_kernel_command_line", named, |m| {
        sound(m);
        // systemd reads the words of the container. The program and the unit read the file, which is empty here.
        assert!(
            m.whole_log().contains("user-nocloud-seed.service: Skipped due to 'exec-condition'"),
            "{}",
            m.whole_log()
        );
        m.sh("mount --bind /srv/cmdline /proc/cmdline");

        // With a config drive, neither a seed nor a drive is applied.
        m.sh(&mount("/media/configdrive"));
        m.sh(&mount("/media/nocloud"));
        m.put("/media/nocloud/user-data", "#cloud-config\nhostname: of-the-drive\n");
        m.sh(&format!("systemctl start {SEED} {DRIVE}"));
        assert_eq!([m.active(SEED), m.active(DRIVE)], ["inactive", "inactive"]);
        for what in ["seed", "drive"] {
            let why = format!("a config drive is mounted and has precedence; NoCloud {what} not applied");
            assert!(m.whole_log().contains(&why), "{}", m.whole_log());
        }

        m.sh(&format!("umount /media/configdrive; systemctl start {DRIVE}"));
        assert_eq!([m.active(DRIVE), m.sh("hostname")], ["active", "of-the-drive"].map(str::to_owned));
        m.sh(&format!("systemctl start {SEED}"));
        assert_eq!(m.active(SEED), "active", "{}", m.whole_log());
        assert_eq!(m.sh("hostname; cat /etc/from-seed"), "of-the-line\nnamed");
    });
}
